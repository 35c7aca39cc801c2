"""A person's own speech: recordings and what is said in them, and what is held out for testing."""

import re

from ds2np.audio import read_sound
from ds2np.audio.folders import AUDIO_SUFFIXES, find_files
from ds2np.data.manifest import Utterance, read_manifest
from ds2np.errors import UserError
from ds2np.files import read_text

FEWEST = 8  # sentences
HELD_OUT = 8  # one sentence of so many
AT_LEAST = 2  # of them


def read_speech(path, text=None):
    """Read the utterances of a manifest, or of a folder of recordings and its text.

    Parameters
    ----------
    path : Path
        A manifest, or a folder.
    text : Path, optional
        What is said in the recordings of the folder, a line each, in the order of their names;
        numbers in names count as such: 2.wav comes before 10.wav.

    Returns
    -------
    list of Utterance

    Raises
    ------
    UserError
        If a file is missing or cannot be read, or there are not as many lines as recordings.
    """
    if not path.is_dir():
        if text is not None:
            raise UserError(f"{path} is no folder: a manifest has its texts, leave {text} out")
        return read_manifest(path)
    if text is None:
        raise UserError(f"{path} is a folder; name the file of its text, too, a line a recording")
    recordings = sorted(find_files(path, AUDIO_SUFFIXES), key=_by_number)
    if not recordings:
        raise UserError(f"{path} is a folder without recordings")
    lines = read_lines(text)
    for recording, (number, line) in zip(recordings, lines, strict=False):
        if not line:
            raise UserError(f"{text}:{number}: an empty line; expected what {recording} says")
    if len(lines) != len(recordings):
        few = min(len(lines), len(recordings))
        alone = recordings[few] if len(recordings) > few else f"line {lines[few][0]}"
        raise UserError(
            f"{text} has {len(lines):,} lines for {len(recordings):,} recordings in {path}; "
            f"expected one for each, but {alone} is alone"
        )
    return [
        Utterance(recording, _seconds(recording), line)
        for recording, (_, line) in zip(recordings, lines, strict=True)
    ]


def hold_out(utterances):
    """Divide the utterances into those to learn from and those to test with.

    One text of eight is held out, evenly spread, with all recordings of it: a text that was learned
    would test the memory.

    Returns
    -------
    learned, held : list of Utterance

    Raises
    ------
    UserError
        If there are fewer than eight different texts.
    """
    texts = list(dict.fromkeys(utterance.text for utterance in utterances))
    if len(texts) < FEWEST:
        raise UserError(
            f"{len(texts)} different sentences are too few to learn a voice from; expected "
            f"{FEWEST} at least, and better 40 or more"
        )
    step = min(HELD_OUT, len(texts) // AT_LEAST)
    held = set(texts[step // 2 :: step])
    return tuple(
        [u for u in utterances if (u.text in held) == is_held] for is_held in (False, True)
    )


def read_lines(path):
    """Return the lines of a text with their numbers, without empty ones at the end."""
    text = read_text(path, "save it as UTF-8")
    return list(enumerate(map(str.strip, text.rstrip().splitlines()), start=1))


def _by_number(path):
    """Return a key by which the numbers in names are sorted as numbers."""
    parts = re.split(r"(\d+)", str(path))  # names and numbers take turns
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


def _seconds(path):
    sound = read_sound(path)
    return len(sound.samples) / sound.rate
