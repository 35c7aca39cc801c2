"""The configuration of a network as plain values, and the sizes that follow from it."""

import dataclasses
from dataclasses import dataclass
from math import inf, prod

from ds2np.audio.frames import count_frames, frame_sizes
from ds2np.errors import UserError
from ds2np.layers.conv import conv_out_length, resolve_padding
from ds2np.text import ALPHABETS, ENGLISH


@dataclass(frozen=True)
class ConvConfig:
    """One convolution layer.

    Attributes
    ----------
    kernel, stride : tuple of int
        (time, frequency), although the paper writes frequency first; (time,) for a 1D convolution.
    """

    channels: int
    kernel: tuple
    stride: tuple


@dataclass(frozen=True)
class DeepSpeech2Config:
    """The shape of the network and of its input.

    Attributes
    ----------
    sample_rate : int
        In hertz; other recordings are resampled.
    window_ms, stride_ms : float
        Window and stride of the spectrogram, in milliseconds.
    mels : int
        Bands of a mel filter bank; 0 for the linear spectrogram of the paper.
    normalisation : {"utterance", "corpus", "running"}
        See `ds2np.audio.features`.
    characters : str or tuple of str
        The symbols of the alphabet, without the blank.
    units : str
        The kind of alphabet: a key of `ds2np.text.ALPHABETS`.
    conv : tuple of ConvConfig
        Either all 2D or all 1D.
    recurrent : {"gru", "rnn"}
    layers, hidden : int
        Number of recurrent layers, and their units per direction.
    bidirectional, share_input : bool
        Whether the layers run in both directions, and whether both share their input weights.
    merge : {"sum", "concat"}
        How the outputs of the two directions are combined.
    lookahead : int
        Future frames seen by a row convolution above the recurrent layers; 0 for none.
    dense : int
        Fully connected layers of ``hidden`` units before the output.
    dropout : float
        Probability of a feature to be left out between recurrent layers and before the output; the
        paper has none.
    """

    sample_rate: int = 16000
    window_ms: float = 20
    stride_ms: float = 10
    mels: int = 0
    normalisation: str = "utterance"
    characters: str = ENGLISH
    units: str = "characters"
    conv: tuple = (ConvConfig(32, (11, 41), (2, 2)), ConvConfig(32, (11, 21), (1, 2)))
    recurrent: str = "gru"
    layers: int = 5
    hidden: int = 512
    bidirectional: bool = True
    share_input: bool = True
    merge: str = "sum"
    lookahead: int = 0
    dense: int = 0
    dropout: float = 0.0

    @property
    def frame_sizes(self):
        """Window and stride of the spectrogram in samples."""
        return frame_sizes(self.sample_rate, self.window_ms, self.stride_ms)

    @property
    def features(self):
        """Number of features per frame: frequencies, or mel bands."""
        return self.mels or self.frame_sizes[0] // 2 + 1

    @property
    def frame_ms(self):
        """Time from one output frame to the next, in milliseconds."""
        return self.stride_ms * prod(conv.stride[0] for conv in self.conv)

    @property
    def lookahead_ms(self):
        """How far an output frame looks ahead from its beginning, in milliseconds, by the cause.

        The least latency of a stream; infinite where the network runs in both directions.
        """
        ahead, step = 0.0, self.stride_ms
        for conv in self.conv:
            ahead += (conv.kernel[0] - 1 - resolve_padding("same", conv.kernel[0])) * step
            step *= conv.stride[0]
        causes = {"window": self.window_ms, "convolutions": ahead}
        if self.bidirectional:
            return causes | {"backward direction": inf}
        return causes | {"row convolution": self.lookahead * step}

    def with_time_strides(self, strides):
        """Return the configuration with other strides in time, one for each convolution."""
        conv = tuple(
            dataclasses.replace(layer, stride=(stride, *layer.stride[1:]))
            for layer, stride in zip(self.conv, strides, strict=True)
        )
        return dataclasses.replace(self, conv=conv)

    def alphabet(self):
        """Return the `Alphabet`.

        Raises
        ------
        UserError
            If a symbol occurs twice or `units` is unknown.
        """
        if self.units not in ALPHABETS:
            raise UserError(f"no alphabet of {self.units!r}; choose from {', '.join(ALPHABETS)}")
        return ALPHABETS[self.units](self.characters)

    def count_frames(self, seconds):
        """Count the spectrogram frames of a sound, given its length in seconds."""
        return count_frames(round(seconds * self.sample_rate), *self.frame_sizes)

    def out_lengths(self, frames):
        """Compute the number of output frames from that of spectrogram frames (int or ndarray)."""
        for conv in self.conv:
            kernel, stride = conv.kernel[0], conv.stride[0]
            frames = conv_out_length(frames, kernel, stride, resolve_padding("same", kernel))
        return frames

    def to_dict(self):
        """Return the configuration as plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Build a configuration from the output of `to_dict`."""
        conv = tuple(
            ConvConfig(c["channels"], tuple(c["kernel"]), tuple(c["stride"]))
            for c in values["conv"]
        )
        characters = values["characters"]  # JSON turns tuples into lists
        if isinstance(characters, list):
            characters = tuple(characters)
        return cls(**{**values, "conv": conv, "characters": characters})
