"""Folders of recordings as people have them: with links, hidden files and suffixes in any case."""

import errno
import os
from pathlib import Path

from ds2np.errors import UserError

# What libsndfile reads. Data scripts prefer the last suffix where a recording exists in several.
AUDIO_SUFFIXES = (
    *(".mp3", ".opus", ".oga", ".ogg"),
    *(".avr", ".htk", ".ircam", ".paf", ".pvf", ".sd2", ".sds", ".sf", ".svx", ".voc", ".wve"),
    *(".xi", ".au", ".snd", ".nist", ".sph", ".caf", ".aif", ".aifc", ".aiff"),
    *(".flac", ".rf64", ".w64", ".wav"),
)


def find_files(folder, suffixes):
    """Find the files in a folder and its subfolders that have one of the suffixes, in any case.

    Links are followed, except those to a folder that they lie in. Hidden files and folders are
    passed over, among them the ._NAME files that macOS writes beside each NAME. Broken links are
    found, so that whoever reads them can name them.

    Parameters
    ----------
    folder : str or Path
    suffixes : str or tuple of str
        Ends of file names in lower case, such as ``.wav``.

    Returns
    -------
    list of Path
        In the order of their paths.

    Raises
    ------
    UserError
        If one of the folders cannot be read.
    """
    try:
        above = [_identity(parent) for parent in Path(folder).resolve().parents]
        return sorted(_walk(Path(folder), suffixes, above))
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read ({error.strerror})") from None


def _walk(folder, suffixes, above):
    above = [*above, _identity(folder)]
    with os.scandir(folder) as entries:
        visible = [entry for entry in entries if not entry.name.startswith(".")]
    for entry in visible:
        if _is_folder(entry):
            if _identity(entry) not in above:
                yield from _walk(Path(entry), suffixes, above)
        elif entry.name.lower().endswith(suffixes) and (entry.is_symlink() or entry.is_file()):
            yield Path(entry)


def _identity(folder):
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:  # a link to itself
            return False
        raise
