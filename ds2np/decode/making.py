"""The decoders by name."""

from ds2np.decode.beam import BeamDecoder
from ds2np.decode.greedy import GreedyDecoder
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
