"""Named configurations: for everyday use, for streams, and those of the paper's tables."""

from ds2np.errors import UserError
from ds2np.model.config import ConvConfig, DeepSpeech2Config

_SMALL_CONV = (ConvConfig(16, (11, 41), (2, 4)), ConvConfig(16, (11, 21), (1, 2)))


def _paper(recurrent, layers, hidden, conv, dense=1):
    return DeepSpeech2Config(
        recurrent=recurrent, layers=layers, hidden=hidden, conv=conv, dense=dense
    )


def _stream(**sizes):
    """Return the configuration of a network that runs forward only, with a row convolution."""
    return DeepSpeech2Config(
        conv=_SMALL_CONV, bidirectional=False, lookahead=10, normalisation="running", **sizes
    )


# The paper's table of convolutions: layers, "1D" or "2D".
CONV_1D_1 = (ConvConfig(1280, (11,), (2,)),)
CONV_1D_2 = (ConvConfig(640, (5,), (1,)), ConvConfig(640, (5,), (2,)))
CONV_1D_3 = (
    ConvConfig(512, (5,), (1,)),
    ConvConfig(512, (5,), (1,)),
    ConvConfig(512, (5,), (2,)),
)
CONV_2D_1 = (ConvConfig(32, (11, 41), (2, 2)),)
CONV_2D_2 = (*CONV_2D_1, ConvConfig(32, (11, 21), (1, 2)))
CONV_2D_3 = (*CONV_2D_2, ConvConfig(96, (11, 21), (1, 2)))

PRESETS = {
    "tiny": DeepSpeech2Config(conv=_SMALL_CONV, layers=3, hidden=160),
    "small": DeepSpeech2Config(conv=_SMALL_CONV, layers=3, hidden=256, share_input=False),
    "base": DeepSpeech2Config(conv=CONV_2D_2, layers=5, hidden=512),
    "tiny-stream": _stream(layers=3, hidden=224),
    "small-stream": _stream(layers=3, hidden=384),
    # The paper's table of depth: total and recurrent layers, each about 38 M parameters. One layer
    # is a 1D convolution as wide as the others; the rest are fully connected.
    "paper-5-1": _paper("rnn", 1, 2400, (ConvConfig(2400, (11,), (2,)),), dense=3),
    "paper-5-3": _paper("rnn", 3, 1880, (ConvConfig(1880, (11,), (2,)),)),
    "paper-7-5": _paper("rnn", 5, 1510, (ConvConfig(1510, (11,), (2,)),)),
    "paper-9-7": _paper("rnn", 7, 1280, (ConvConfig(1280, (11,), (2,)),)),
    # The paper's table of convolutions, followed by 7 recurrent layers.
    **{
        f"paper-{kind}": _paper("rnn", 7, 1280, conv)
        for kind, conv in (
            ("1d-1", CONV_1D_1),
            ("1d-2", CONV_1D_2),
            ("1d-3", CONV_1D_3),
            ("2d-1", CONV_2D_1),
            ("2d-2", CONV_2D_2),
            ("2d-3", CONV_2D_3),
        )
    },
    # The paper's table of sizes; the widths are chosen to match them.
    "paper-38m": _paper("gru", 3, 1156, CONV_2D_2),
    "paper-70m": _paper("rnn", 7, 1764, CONV_2D_3),
    "paper-100m": _paper("rnn", 7, 2123, CONV_2D_3),
}


def preset(name):
    """Return the configuration of a preset, or raise `UserError` with the known names."""
    if name not in PRESETS:
        raise UserError(f"no preset {name!r}; choose from {', '.join(PRESETS)}")
    return PRESETS[name]
