"""The network: its configuration, and the layers that the configuration describes.

Paper, "Model Architecture": spectrogram, 1 to 3 convolutions over time and frequency, 1 to 7
recurrent layers, one fully connected layer, and CTC over its softmax.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np

from ds2np.audio.spectrogram import frame_sizes
from ds2np.errors import UserError
from ds2np.layers import (
    GRU,
    Bidirectional,
    ClippedReLU,
    Conv2D,
    FromChannels,
    Linear,
    SeqBatchNorm,
    Sequential,
    SimpleRNN,
    ToChannels,
)
from ds2np.text.alphabet import ENGLISH

RECURRENT = {"gru": GRU, "rnn": SimpleRNN}


@dataclass(frozen=True)
class ConvConfig:
    """One convolution layer.

    Attributes
    ----------
    channels : int
    kernel, stride : tuple of two int
        Along time and frequency (the paper writes frequency first).
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
    characters : str
        The alphabet, the blank left out.
    conv : tuple of ConvConfig
    recurrent : {"gru", "rnn"}
    layers, hidden : int
        Recurrent layers, and units of each direction.
    bidirectional, share_input : bool
    merge : {"sum", "concat"}
    """

    sample_rate: int = 16000
    window_ms: float = 20
    stride_ms: float = 10
    characters: str = ENGLISH
    conv: tuple = (ConvConfig(32, (11, 41), (2, 2)), ConvConfig(32, (11, 21), (1, 2)))
    recurrent: str = "gru"
    layers: int = 5
    hidden: int = 800
    bidirectional: bool = True
    share_input: bool = True
    merge: str = "sum"

    @property
    def features(self):
        """Frequencies of the spectrogram."""
        return frame_sizes(self.sample_rate, self.window_ms, self.stride_ms)[0] // 2 + 1

    @property
    def frame_ms(self):
        """Milliseconds of sound from one output frame to the next."""
        return self.stride_ms * int(np.prod([conv.stride[0] for conv in self.conv]))

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


PRESETS = {
    "tiny": DeepSpeech2Config(
        conv=(ConvConfig(16, (11, 41), (2, 4)), ConvConfig(16, (11, 21), (1, 2))),
        layers=3,
        hidden=160,
    ),
    "small": DeepSpeech2Config(
        conv=(ConvConfig(16, (11, 41), (2, 4)), ConvConfig(16, (11, 21), (1, 2))),
        layers=3,
        hidden=256,
        share_input=False,
    ),
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


class DeepSpeech2:
    """The network of the paper, from spectrograms to logits.

    Parameters
    ----------
    config : DeepSpeech2Config
    seed : int
        Of the initial weights, which are the same on every device.
    dtype : dtype

    Attributes
    ----------
    params, grads, buffers : dict of str to ndarray
        Of all layers, under names like "conv1.W".
    """

    def __init__(self, config, seed=0, dtype=np.float32):
        rng = np.random.default_rng(seed)
        self.config = config
        self.dtype = np.dtype(dtype)
        layers = {"to_channels": ToChannels()}
        channels, features = 1, config.features
        for i, conv in enumerate(config.conv, start=1):
            layer = Conv2D(channels, conv.channels, conv.kernel, conv.stride, rng, dtype)
            layers[f"conv{i}"] = layer
            layers[f"conv{i}_norm"] = SeqBatchNorm(conv.channels, time_axis=2, dtype=dtype)
            layers[f"conv{i}_relu"] = ClippedReLU(time_axis=2)
            channels, features = conv.channels, layer.out_features(features)
        layers["from_channels"] = FromChannels()
        features *= channels
        for i in range(1, config.layers + 1):
            kind, sizes = RECURRENT[config.recurrent], (features, config.hidden, rng)
            if config.bidirectional:
                layer = Bidirectional(
                    kind, *sizes, share_input=config.share_input, merge=config.merge, dtype=dtype
                )
            else:
                layer = kind(*sizes, dtype=dtype)
            layers[f"{config.recurrent}{i}"] = layer
            features = layer.out_features
        layers["output_norm"] = SeqBatchNorm(features, dtype=dtype)
        layers["output"] = Linear(features, len(config.characters) + 1, rng, dtype)
        self.layers = Sequential(layers)
        self.params, self.grads = self.layers.params, self.layers.grads
        self.buffers = self.layers.buffers

    def forward(self, x, lengths):
        """Compute the logits of a padded batch.

        Parameters
        ----------
        x : ndarray of shape (N, T, F)
            Normalised log spectrograms.
        lengths : ndarray of shape (N,)
            Real frames of each.

        Returns
        -------
        logits : ndarray of shape (N, T_out, V)
        out_lengths : ndarray of shape (N,)
        """
        if x.ndim != 3 or x.shape[2] != self.config.features:
            raise ValueError(f"x has shape {x.shape}; needed is (N, T, {self.config.features})")
        lengths = np.asarray(lengths)
        return self.layers.forward(x, lengths), self.out_lengths(lengths)

    def backward(self, dlogits):
        """Add to the gradients of all parameters; return the gradient of the input.

        Parameters
        ----------
        dlogits : ndarray of shape (N, T_out, V)

        Returns
        -------
        ndarray of shape (N, T, F)
        """
        return self.layers.backward(dlogits)

    def out_lengths(self, lengths):
        """Tell how many frames of logits come from so many frames of spectrogram."""
        return self.layers.out_lengths(np.asarray(lengths))

    def set_training(self, training):
        """Choose between training and evaluation mode."""
        self.layers.set_training(training)

    def zero_grads(self):
        """Set all gradients to 0."""
        self.layers.zero_grads()

    def state_dict(self):
        """Return parameters and buffers by name."""
        return self.layers.state_dict()

    def load_state_dict(self, state):
        """Copy values into parameters and buffers; see `Layer.load_state_dict`."""
        self.layers.load_state_dict(state)

    def count_parameters(self):
        """Count the trained numbers."""
        return sum(value.size for value in self.params.values())
