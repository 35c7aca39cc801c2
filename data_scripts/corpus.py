"""The command line of a script for a published corpus: index a copy, or download it."""

import os
from collections import namedtuple
from pathlib import Path

from download import check_space, damage, download
from unpack import unpack

from ds2np.commands.program import Parser
from ds2np.errors import UserError
from ds2np.files import locked, make_folder

# Its url, the folder it unpacks to, its published MD5 checksum (None if there is none), and the
# pattern of the archives inside (None if there are none).
Archive = namedtuple("Archive", "url folder md5 inner", defaults=(None, None))


def index_parser(doc, corpus, subsets):
    """Build the command line of a corpus that cannot be downloaded: --out, --root and --subsets.

    ``doc`` is the docstring of the script, ``corpus`` describes the content of --root, and
    ``subsets`` what is used unless --subsets is given.
    """
    parser = Parser(doc)
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="folder for the manifests (default: --root)"
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        required=True,
        help=f"{corpus}; it is indexed in place",
    )
    parser.add_argument(
        "--subsets", nargs="+", metavar="NAME", help=f"subsets to use (default: {subsets})"
    )
    return parser


def corpus_parser(doc, corpus):
    """Build a command line with --out, --root, --mirror and --keep-archive.

    ``doc`` is the docstring of the script, and ``corpus`` describes the content of --root.
    """
    parser = Parser(doc)
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="folder for the manifests, and for a downloaded corpus (default: --root)",
    )
    parser.add_argument(
        "--root",
        type=Path,
        metavar="FOLDER",
        help=f"{corpus}; it is indexed in place, and nothing is downloaded",
    )
    parser.add_argument("--mirror", metavar="URL", help="download from URL/NAME-OF-ARCHIVE instead")
    parser.add_argument(
        "--keep-archive",
        action="store_true",
        help="keep the downloaded archive after unpacking (default: delete it)",
    )
    return parser


def corpus_folders(args, archives, folder):
    """Find the folder of the corpus; download the corpus first unless --root is given.

    Parameters
    ----------
    args : argparse.Namespace
        From the parser of `corpus_parser`.
    archives : sequence of Archive
        The archives of the corpus.
    folder : str
        The folder they unpack to, below --out.

    Returns
    -------
    root, out : Path
        The folders of the corpus and of its manifests. Both exist; `root` is absolute.

    Raises
    ------
    UserError
        If there is no corpus, or no folder for its manifests.
    """
    if args.root is None and args.out is None:
        raise UserError("give --out to download the corpus, or --root if you already have it")
    if args.root is not None:
        if args.mirror or args.keep_archive:
            raise UserError("--root downloads nothing; leave out --mirror and --keep-archive")
        for path in args.root.glob("*.unpacking"):
            raise UserError(f"{path} is half unpacked; run this again with --out instead of --root")
        return index_folders(args)
    _make_out(args.out)
    with locked(args.out / "download.lock", f"{args.out}"):
        for archive in archives:
            obtain(archive, args.out, args.mirror, args.keep_archive)
    return (args.out / folder).resolve(), args.out


def index_folders(args):
    """Check --root and make --out; return the absolute path of --root, and that of the manifests.

    Raises
    ------
    UserError
        If there is no corpus, or no folder for its manifests.
    """
    if not args.root.is_dir():
        fault = " is a file" if args.root.exists() else ": no such folder"
        raise UserError(f"{args.root}{fault}; give --root the folder of the corpus")
    out = args.out or args.root
    _make_out(out)
    return args.root.resolve(), out


def _make_out(out):
    make_folder(out, "--out")
    if not os.access(out, os.W_OK):
        raise UserError(f"{out} is not writable; give another folder with --out")


def choose(subsets, names):
    """Pick subsets, a dict by name, in the order of the names; raise a UserError if one is missing.

    Without names, all are picked.
    """
    for name in names or ():
        if name not in subsets:
            found = ", ".join(sorted(subsets))
            raise UserError(f"--subsets: {name} is not in the corpus, which holds {found}")
    return {name: subsets[name] for name in names or subsets}


def obtain(archive, out, mirror=None, keep=False):
    """Download an archive and unpack it into `out`, unless its folder exists.

    Parameters
    ----------
    archive : Archive
    out : Path
    mirror : str, optional
        The url of another folder with the archive.
    keep : bool
        Keep the downloaded archive. An archive that existed before is always kept.

    Raises
    ------
    UserError
        If that fails. Existing files are kept, and an unfinished download can be continued.
    """
    if (out / archive.folder).is_dir():
        print(f"{out / archive.folder} already exists, nothing is downloaded")
        return
    name = archive.url.rpartition("/")[2]
    path = out / name
    if archive.md5 is None:
        print(f"{name}: no checksum is published; only its size and integrity are checked")
    if path.exists():
        keep = True
        print(f"{path} already exists: nothing is downloaded, and it is kept")
        fault = damage(path, archive.md5)
        if fault:
            raise UserError(f"{path} {fault}; move it away to download it again")
    else:
        url = f"{mirror.rstrip('/')}/{name}" if mirror else archive.url
        download_whole(url, path, archive.md5)
    size = path.stat().st_size
    check_space(out, size, size)
    unpack(path, archive.folder, archive.inner)
    if not keep:
        path.unlink()


def download_whole(url, path, md5=None):
    """Download a file whose checksum, or integrity as a gzip file, can be tested.

    Raises a UserError if that fails; what has arrived of a whole one is kept and continued.
    """
    part = path.with_name(path.name + ".part")
    download(url, part)
    fault = damage(part, md5)
    if fault:
        part.unlink()  # or the next run would continue it
        raise UserError(
            f"{url}: the download {fault} and is deleted; run this again, or give another --mirror"
        )
    os.replace(part, path)
