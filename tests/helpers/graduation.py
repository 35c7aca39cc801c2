"""A small graduation: its network, its training, and solutions for the reader's file."""

import dataclasses

from ds2np.learn.book import CHAPTERS, FOLDER
from ds2np.model import ConvConfig
from helpers import toys

NETWORK = dataclasses.replace(
    toys.MODEL, mels=6, conv=(ConvConfig(8, (5,), (2,)),), recurrent="rnn", hidden=12
)
GATED_2D = toys.MODEL
WITH_BIGRAMS = dataclasses.replace(
    NETWORK, units="bigrams", characters=(*" abc", "ab", "bc", "ca", "cc")
)
TRAINING = dataclasses.replace(toys.TRAINING, patience=5)
SOLUTIONS = "\n\n".join(
    (FOLDER / "solutions" / f"{chapter.file}.py").read_text(encoding="utf-8")
    for chapter in CHAPTERS
    if chapter.exercises
)
OF_DECODING = (FOLDER / "solutions" / "09_decoding.py").read_text(encoding="utf-8")


def group(out, title):
    """Read the functions that are listed under a title, with their notes."""
    lines = out.partition(f"  {title}:\n")[2].splitlines()
    listed = {}
    for line in lines:
        if not line.startswith("    "):
            break
        name, _, note = line[10:].partition(": ")
        listed[name] = note
    return listed
