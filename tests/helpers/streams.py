"""A small network for streams, which writes all letters, often."""

import dataclasses

import numpy as np

from ds2np.decode import BeamDecoder, GreedyDecoder
from ds2np.lm import NGram
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.recogniser import Recogniser
from ds2np.streaming import Pauses

CONFIG = DeepSpeech2Config(
    sample_rate=1600,
    characters=" abc",
    conv=(ConvConfig(4, (5, 5), (2, 2)), ConvConfig(4, (3, 3), (1, 2))),
    layers=2,
    hidden=8,
    bidirectional=False,
    lookahead=3,
    normalisation="running",
)
ENDLESS = Pauses(pause=1e6, silence=1e6, limit=1e6, louder=0)
LM = NGram.train(["ab cab", "a bac", "cab ab"], 2, log=None)


def recogniser_of(decoder="greedy", **changes):
    """Make a recogniser."""
    config, rng = dataclasses.replace(CONFIG, **changes), np.random.default_rng(3)
    model = DeepSpeech2(config, seed=1)
    model.forward(rng.standard_normal((4, 60, 17)).astype(np.float32), np.full(4, 60))
    model.params["output.W"] *= 8
    model.params["output.b"][...] = 0
    alphabet, frame = config.alphabet(), config.frame_ms / 1000
    if decoder == "greedy":
        return Recogniser(model, GreedyDecoder(alphabet, frame))
    lm = LM if decoder == "beam and lm" else None
    return Recogniser(model, BeamDecoder(alphabet, lm, beam=8, frame_seconds=frame))
