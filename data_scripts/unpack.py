"""Unpacking of archives: completely or not at all, and never outside the target folder."""

import os
import shutil
import tarfile
import zlib
from pathlib import PureWindowsPath

from tqdm import tqdm

from ds2np.errors import UserError
from ds2np.files import make_folder


def unpack(path, folder, inner=None):
    """Unpack an archive beside itself, through a temporary folder.

    Parameters
    ----------
    path : Path
        A .tar.gz file.
    folder : str
        The folder of the archive to keep. Its neighbours, such as a licence, are kept as well,
        unless they exist already.
    inner : str, optional
        Pattern of archives in the archive; each is unpacked in its own place and removed.

    Raises
    ------
    UserError
        If the archive is damaged, has an unsafe member or no `folder`, or the disk is full.
    """
    temporary = path.with_name(path.name + ".unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    make_folder(temporary, "--out")
    try:
        extract(path, temporary, path.name)
        if inner is not None:
            _extract_inner(sorted(temporary.glob(inner)), path)
        if not (temporary / folder).is_dir():
            raise UserError(f"{path} holds no folder {folder}; expected the archive of the corpus")
        _move(temporary / folder, path.parent / folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _extract_inner(archives, path):
    for archive in tqdm(archives, desc=path.name, unit="archive", leave=False):
        extract(archive, archive.parent, f"{path.name}: {archive.name}")
        archive.unlink()


def _move(source, target):
    make_folder(target.parent, "--out")
    for neighbour in source.parent.iterdir():
        if neighbour != source and not (target.parent / neighbour.name).exists():
            os.replace(neighbour, target.parent / neighbour.name)
    os.replace(source, target)


def extract(path, folder, name):
    """Extract the members of an archive into a folder; ``name`` is for the messages.

    Raises
    ------
    UserError
        If a member is anything but a file or a folder below `folder`, or extraction fails.
    """
    if not hasattr(tarfile, "data_filter"):
        raise UserError("this Python cannot unpack safely; use Python 3.10.12, 3.11.4 or newer")
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in tqdm(archive, desc=f"unpacking {name}", unit="file", leave=False):
                check_member(member, name)
                archive.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise UserError(
            f"{name} cannot be unpacked ({error}); the archive is kept, the rest is removed"
        ) from None


def check_member(member, name):
    """Refuse a member of an archive that could reach outside the folder it is unpacked to.

    A corpus consists of plain files, so links are not allowed at all.

    Raises
    ------
    UserError
        If its name is absolute or leads upwards, or it is a link or a device.
    """
    where = PureWindowsPath(member.name)  # knows / and \ and drives, on every system
    if where.root or where.drive:
        fault = "has an absolute name"
    elif ".." in where.parts:
        fault = "leads out of the folder"
    elif not (member.isfile() or member.isdir()):
        fault = "is neither a file nor a folder"
    else:
        return
    raise UserError(
        f"{name}: its member {member.name} {fault}; nothing is unpacked: remove the "
        f"archive and give another --mirror"
    )
