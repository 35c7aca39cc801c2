"""Recordings and their texts, as people have them: two files, folders of them, or a book."""

from dataclasses import dataclass
from pathlib import Path

from ds2np.audio.folders import AUDIO_SUFFIXES, find_files
from ds2np.errors import UserError

TEXT_SUFFIXES = (".txt", ".text", ".md")


@dataclass(frozen=True)
class Pair:
    """A text, and the recordings in which it is read, one after another.

    Attributes
    ----------
    names : tuple of str
        Of the results of each recording.
    recordings : tuple of Path
    text : Path
    """

    names: tuple
    recordings: tuple
    text: Path


def find_pairs(recording, text):
    """Find what belongs together.

    Parameters
    ----------
    recording, text : Path
        Two files; two folders, or one twice, in which a recording and its text differ in their
        suffix only; or a folder of recordings, in the order of their names, and the text of all.

    Returns
    -------
    list of Pair

    Raises
    ------
    UserError
        If a file is missing, or anything in a folder has no counterpart.
    """
    for path in (recording, text):
        if not path.exists():
            raise UserError(f"{path} does not exist; expected a recording and its text, or folders")
    if not recording.is_dir() and text.is_dir():
        raise UserError(f"{text} is a folder, but {recording} is one recording; expected its text")
    if not recording.is_dir():
        return [Pair((recording.stem,), (recording,), text)]
    recordings = find_files(recording, AUDIO_SUFFIXES)
    if not recordings:
        raise UserError(f"{recording} is a folder without recordings")
    names = _name(recordings, recording)
    if not text.is_dir():
        return [Pair(tuple(names), tuple(recordings), text)]
    texts = find_files(text, TEXT_SUFFIXES)
    named = dict(zip(_name(texts, text), texts, strict=True))
    for name, path in zip(names, recordings, strict=True):
        if name not in named:
            raise UserError(f"{path} has no text: expected {text / name}.txt; move it elsewhere")
    if alone := sorted(set(named) - set(names)):
        raise UserError(f"{named[alone[0]]} has no recording of that name in {recording}")
    return [
        Pair((name,), (path,), named[name]) for name, path in zip(names, recordings, strict=True)
    ]


def _name(paths, folder):
    """Name files by their places in a folder, without suffix; no two alike."""
    seen = {}
    for path in paths:
        name = "-".join(path.relative_to(folder).with_suffix("").parts)
        if name in seen:
            raise UserError(
                f"{seen[name]} and {path} would have results of the same name; move one"
            )
        seen[name] = path
    return list(seen)
