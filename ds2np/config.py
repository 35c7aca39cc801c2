"""What a network looks like, as plain values; and networks that have a name."""

import dataclasses
from dataclasses import dataclass
from math import prod

from ds2np.audio.spectrogram import frame_sizes
from ds2np.errors import UserError
from ds2np.text.alphabet import ENGLISH


@dataclass(frozen=True)
class ConvConfig:
    """One convolution layer.

    Attributes
    ----------
    channels : int
    kernel, stride : tuple of int
        Along time and frequency (the paper writes frequency first); of one number each for a
        convolution over time alone.
    """

    channels: int
    kernel: tuple
    stride: tuple


@dataclass(frozen=True)
class DeepSpeech2Config:
    """Everything that fixes the shape of the network and of its input.

    Attributes
    ----------
    sample_rate : int
        In hertz; recordings of another rate are resampled.
    window_ms, stride_ms : float
        Window of the spectrogram and its step, in milliseconds.
    mels : int
        Bands of a mel filter bank over the spectrogram; 0 for the plain one, as in the paper.
    characters : str
        The alphabet, the blank left out.
    conv : tuple of ConvConfig
        All over time and frequency, or all over time alone.
    recurrent : {"gru", "rnn"}
    layers, hidden : int
        Recurrent layers, and units of each direction.
    bidirectional, share_input : bool
        Whether the layers run in both directions, and whether these share their input weights.
    merge : {"sum", "concat"}
        How the outputs of the two directions are put together.
    lookahead : int
        Frames of the future that a row convolution above the recurrent layers sees; 0 for none.
    dense : int
        Fully connected layers of ``hidden`` units before the output.
    """

    sample_rate: int = 16000
    window_ms: float = 20
    stride_ms: float = 10
    mels: int = 0
    characters: str = ENGLISH
    conv: tuple = (ConvConfig(32, (11, 41), (2, 2)), ConvConfig(32, (11, 21), (1, 2)))
    recurrent: str = "gru"
    layers: int = 5
    hidden: int = 512
    bidirectional: bool = True
    share_input: bool = True
    merge: str = "sum"
    lookahead: int = 0
    dense: int = 0

    @property
    def features(self):
        """Frequencies of the spectrogram, or mel bands."""
        return (
            self.mels or frame_sizes(self.sample_rate, self.window_ms, self.stride_ms)[0] // 2 + 1
        )

    @property
    def frame_ms(self):
        """Milliseconds of sound from one output frame to the next."""
        return self.stride_ms * prod(conv.stride[0] for conv in self.conv)

    def to_dict(self):
        """Return the configuration as plain values, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Make a configuration from what `to_dict` returned."""
        conv = tuple(
            ConvConfig(c["channels"], tuple(c["kernel"]), tuple(c["stride"]))
            for c in values["conv"]
        )
        return cls(**{**values, "conv": conv})


def _paper(recurrent, layers, hidden, conv, dense=1):
    return DeepSpeech2Config(
        recurrent=recurrent, layers=layers, hidden=hidden, conv=conv, dense=dense
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

_SMALL_CONV = (ConvConfig(16, (11, 41), (2, 4)), ConvConfig(16, (11, 21), (1, 2)))

PRESETS = {
    "tiny": DeepSpeech2Config(conv=_SMALL_CONV, layers=3, hidden=160),
    "small": DeepSpeech2Config(conv=_SMALL_CONV, layers=3, hidden=256, share_input=False),
    "base": DeepSpeech2Config(conv=CONV_2D_2, layers=5, hidden=512),
    # The paper's table of depth: total layers and recurrent ones, all of about 38 M parameters.
    # One layer is a convolution over time as wide as the others, and those that are neither it nor
    # recurrent are fully connected.
    "paper-5-1": _paper("rnn", 1, 2400, (ConvConfig(2400, (11,), (2,)),), dense=3),
    "paper-5-3": _paper("rnn", 3, 1880, (ConvConfig(1880, (11,), (2,)),)),
    "paper-7-5": _paper("rnn", 5, 1510, (ConvConfig(1510, (11,), (2,)),)),
    "paper-9-7": _paper("rnn", 7, 1280, (ConvConfig(1280, (11,), (2,)),)),
    # The paper's table of convolutions, before 7 recurrent layers.
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
    # The paper's table of sizes. Its widths are chosen here so that the sizes come out.
    "paper-38m": _paper("gru", 3, 1156, CONV_2D_2),
    "paper-70m": _paper("rnn", 7, 1764, CONV_2D_3),
    "paper-100m": _paper("rnn", 7, 2123, CONV_2D_3),
}


def preset(name):
    """Look up a configuration by its name.

    Parameters
    ----------
    name : str

    Returns
    -------
    DeepSpeech2Config

    Raises
    ------
    UserError
    """
    if name not in PRESETS:
        raise UserError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
