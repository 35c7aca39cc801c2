"""Decoders, which turn log-probabilities into text. Chapter 00 collapses a path by hand.

A decoder is an object with a method ``decode(log_probs, lengths)``, which returns for each
utterance a list of `Hypothesis`, best first, and a method ``stream``, for sound that comes bit by
bit. A new one is a file and an entry in `DECODERS`.
"""

from ds2np.decode.beam import BeamDecoder
from ds2np.decode.fitting import check_fit, describe_mismatch, share_unwritable, tell_fit
from ds2np.decode.greedy import GreedyDecoder, greedy_decode
from ds2np.decode.making import DECODERS, make_decoder
from ds2np.decode.settings import DecoderSettings
from ds2np.decode.words import Hypothesis, Transcript, Word

__all__ = [
    "DECODERS",
    "BeamDecoder",
    "DecoderSettings",
    "GreedyDecoder",
    "Hypothesis",
    "Transcript",
    "Word",
    "check_fit",
    "describe_mismatch",
    "greedy_decode",
    "make_decoder",
    "share_unwritable",
    "tell_fit",
]
