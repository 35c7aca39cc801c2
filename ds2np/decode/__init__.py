"""Decoders, which turn log-probabilities into text. Chapter 00 collapses a path by hand.

A decoder is an object with a method ``decode(log_probs, lengths)``, which returns for each
utterance a list of `Hypothesis`, best first. A new one is a file and an entry in `DECODERS`.
"""

from ds2np.decode.beam import BeamDecoder
from ds2np.decode.fitting import check_fit, describe_mismatch, share_unwritable
from ds2np.decode.greedy import GreedyDecoder, greedy_decode
from ds2np.decode.words import Hypothesis, Word
from ds2np.errors import UserError

DECODERS = {"greedy": GreedyDecoder, "beam": BeamDecoder}


def make_decoder(name, config, **options):
    """Create a decoder for networks of a configuration.

    Parameters
    ----------
    name : str
        A key of `DECODERS`; any other is a UserError.
    config : DeepSpeech2Config
    **options
        Passed to the decoder.
    """
    if name not in DECODERS:
        raise UserError(f"unknown decoder {name!r}; choose from {', '.join(DECODERS)}")
    return DECODERS[name](config.alphabet(), frame_seconds=config.frame_ms / 1000, **options)


__all__ = [
    "DECODERS",
    "BeamDecoder",
    "GreedyDecoder",
    "Hypothesis",
    "Word",
    "check_fit",
    "describe_mismatch",
    "greedy_decode",
    "make_decoder",
    "share_unwritable",
]
