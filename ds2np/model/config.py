"""The configuration of a network as plain values, and what follows from it without a network."""

import dataclasses
from dataclasses import dataclass
from math import prod

from ds2np.audio.frames import count_frames, frame_sizes
from ds2np.errors import UserError
from ds2np.layers.conv import conv_out_length, resolve_padding
from ds2np.text import ALPHABETS, ENGLISH


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
    normalisation : {"utterance", "corpus", "running"}
        See `ds2np.audio.features`.
    characters : str or tuple of str
        The symbols of the alphabet, without the blank.
    units : str
        The kind of alphabet: a key of `ds2np.text.ALPHABETS`.
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

    @property
    def frame_sizes(self):
        """Window and stride of the spectrogram in samples."""
        return frame_sizes(self.sample_rate, self.window_ms, self.stride_ms)

    @property
    def features(self):
        """Frequencies of the spectrogram, or mel bands."""
        return self.mels or self.frame_sizes[0] // 2 + 1

    @property
    def frame_ms(self):
        """Milliseconds of sound from one output frame to the next."""
        return self.stride_ms * prod(conv.stride[0] for conv in self.conv)

    def alphabet(self):
        """Return the alphabet: symbols, encoding and decoding.

        Returns
        -------
        Alphabet

        Raises
        ------
        UserError
            If a symbol occurs twice, or there is no such kind of alphabet.
        """
        if self.units not in ALPHABETS:
            raise UserError(f"no alphabet of {self.units!r}; choose {', '.join(ALPHABETS)}")
        return ALPHABETS[self.units](self.characters)

    def count_frames(self, seconds):
        """Count the spectrogram's frames of so many seconds of sound."""
        return count_frames(round(seconds * self.sample_rate), *self.frame_sizes)

    def out_lengths(self, frames):
        """Count the output frames of so many spectrogram frames: only convolutions change them.

        Parameters
        ----------
        frames : int or ndarray of int

        Returns
        -------
        ndarray of int of the shape of frames
        """
        for conv in self.conv:
            kernel, stride = conv.kernel[0], conv.stride[0]
            frames = conv_out_length(frames, kernel, stride, resolve_padding("same", kernel))
        return frames

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
        characters = values["characters"]  # JSON has lists in place of tuples
        if isinstance(characters, list):
            characters = tuple(characters)
        return cls(**{**values, "conv": conv, "characters": characters})
