"""From the network's log-probabilities to text.

A decoder is an object with one method: ``decode(log_probs, lengths)`` returns for each utterance a
list of `Hypothesis`, best first. A new one is a file and an entry in `DECODERS`.
"""

from ds2np.decode.greedy import GreedyDecoder, greedy_decode
from ds2np.decode.words import Hypothesis, Word
from ds2np.errors import UserError

DECODERS = {"greedy": GreedyDecoder}


def make_decoder(name, config, **options):
    """Make a decoder for a network.

    Parameters
    ----------
    name : str
        A key of `DECODERS`.
    config : DeepSpeech2Config
    **options
        Of the decoder.

    Returns
    -------
    object
        With a method ``decode``.

    Raises
    ------
    UserError
        If there is no decoder of that name.
    """
    if name not in DECODERS:
        raise UserError(f"no decoder {name!r}; choose {', '.join(DECODERS)}")
    return DECODERS[name](config.alphabet(), frame_seconds=config.frame_ms / 1000, **options)


__all__ = [
    "DECODERS",
    "GreedyDecoder",
    "Hypothesis",
    "Word",
    "greedy_decode",
    "make_decoder",
]
