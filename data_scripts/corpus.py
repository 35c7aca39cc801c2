"""The command line of a script for a published corpus: index it where it is, or download it."""

import argparse
import os
from collections import namedtuple
from pathlib import Path

from download import check_space, damage, download
from unpack import unpack

from ds2np.errors import UserError
from ds2np.files import make_folder

# The url it comes from, the folder it unpacks to, the MD5 checksum that its makers publish (None if
# they do not), and the pattern of archives inside (None if there are none).
Archive = namedtuple("Archive", "url folder md5 inner", defaults=(None, None))


def corpus_parser(description, corpus):
    """Build the command line.

    Parameters
    ----------
    description : str
        What the script does.
    corpus : str
        What --root holds.

    Returns
    -------
    argparse.ArgumentParser
        With --out, --root, --mirror and --keep-archive.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="where the manifests go, and the corpus if it is downloaded (default: into --root)",
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help=f"{corpus}: it is indexed where it is, and nothing is downloaded",
    )
    parser.add_argument("--mirror", metavar="URL", help="download from URL/NAME-OF-ARCHIVE instead")
    parser.add_argument(
        "--keep-archive",
        action="store_true",
        help="keep what was downloaded after it is unpacked (default: it is deleted)",
    )
    return parser


def corpus_folders(args, archives, folder):
    """Find the folder of the corpus, which is downloaded first unless --root is given.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed by the parser of `corpus_parser`.
    archives : sequence of Archive
        What the corpus is made of.
    folder : str
        The folder they unpack to, below --out.

    Returns
    -------
    root, out : Path
        The corpus and the place of its manifests. Both exist; `root` is absolute.

    Raises
    ------
    UserError
        If there is no corpus, or no place for its manifests.
    """
    if args.root is None and args.out is None:
        raise UserError("give --out to download the corpus, or --root if you have it already")
    if args.root is not None:
        _check_root(args)
    out = args.out or args.root
    make_folder(out, "--out")
    if not os.access(out, os.W_OK):
        raise UserError(f"{out} is not writable; give another folder with --out")
    if args.root is not None:
        return args.root.resolve(), out
    for archive in archives:
        obtain(archive, out, args.mirror, args.keep_archive)
    return (out / folder).resolve(), out


def _check_root(args):
    if args.mirror or args.keep_archive:
        raise UserError("--root downloads nothing; leave out --mirror and --keep-archive")
    if not args.root.is_dir():
        raise UserError(f"{args.root}: no such folder; --root has to be the folder of the corpus")
    for path in args.root.glob("*.unpacking"):
        raise UserError(f"{path} is half unpacked; run this again with --out instead of --root")


def obtain(archive, out, mirror=None, keep=False):
    """Download an archive and unpack it, unless its folder is there.

    Parameters
    ----------
    archive : Archive
    out : Path
        Exists.
    mirror : str, optional
        The url of another place that has the archive.
    keep : bool
        Whether a downloaded archive stays. One that was there before always does.

    Raises
    ------
    UserError
        If that fails. What was there before still is, and an unfinished download can go on.
    """
    if (out / archive.folder).is_dir():
        print(f"{out / archive.folder} is there already, nothing is downloaded")
        return
    name = archive.url.rpartition("/")[2]
    path = out / name
    if archive.md5 is None:
        print(f"{name}: no checksum is published; its size and that it is intact are checked")
    if path.exists():
        keep = True
        print(f"{path} is there already: nothing is downloaded, and it stays")
        fault = damage(path, archive.md5)
        if fault:
            raise UserError(f"{path} {fault}; move it away, and it is downloaded again")
    else:
        url = f"{mirror.rstrip('/')}/{name}" if mirror else archive.url
        _download_whole(url, path, archive.md5)
    size = path.stat().st_size
    check_space(out, size, size)
    unpack(path, archive.folder, archive.inner)
    if not keep:
        path.unlink()


def _download_whole(url, path, md5):
    part = path.with_name(path.name + ".part")
    download(url, part)
    fault = damage(part, md5)
    if fault:
        part.unlink()  # or the next run would go on from it
        raise UserError(
            f"{url}: what arrived {fault} and is deleted; run this again, or give another --mirror"
        )
    os.replace(part, path)
