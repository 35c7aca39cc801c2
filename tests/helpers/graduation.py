"""A small graduation: its network, its training, and solutions for the reader's file."""

import dataclasses

from ds2np.learn.book import CHAPTERS, FOLDER
from ds2np.model import ConvConfig
from helpers import toys

NETWORK = dataclasses.replace(
    toys.MODEL, mels=6, conv=(ConvConfig(8, (5,), (2,)),), recurrent="rnn", hidden=12
)
GATED_2D = toys.MODEL
TRAINING = dataclasses.replace(toys.TRAINING, patience=5)
SOLUTIONS = "\n\n".join(
    (FOLDER / "solutions" / f"{chapter.file}.py").read_text(encoding="utf-8")
    for chapter in CHAPTERS
    if chapter.exercises
)
