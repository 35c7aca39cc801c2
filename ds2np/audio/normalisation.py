"""Mean and variance normalisation (CMVN) of an utterance, and the statistics of a corpus.

The loudness of a recording and the timbre of voice and microphone stay constant throughout and say
nothing about the words. Chapter 01 demonstrates it. Loudness is removed earlier, by level.py.
Normalisation by the statistics of a corpus is a layer of the network, `InputNorm`.
"""

import json
from dataclasses import dataclass

import numpy as np

from ds2np.audio.checks import check_axes
from ds2np.backend import get_array_module, to_cpu

VARIANCE_FLOOR = 1e-8  # a constant sound becomes 0


def normalise_forward(x):
    """Subtract the mean of each frequency from an utterance (T, F), and scale it to variance 1.

    The variance is one number, over all frames and frequencies.
    """
    check_axes(x, "T", "F")
    xp = get_array_module(x)
    # In float64: a constant, such as silence, has to become exactly 0.
    out = x - x.mean(axis=0, dtype=xp.float64).astype(x.dtype)
    variance = xp.einsum("tf,tf->", out, out, dtype=xp.float64) / out.size + VARIANCE_FLOOR
    inverse_std = (1 / xp.sqrt(variance)).astype(x.dtype)
    out *= inverse_std  # in place: the features of an hour have 200 MB
    return out, (out, inverse_std)


def normalise_backward(dout, cache):
    """Compute dx (T, F) of `normalise_forward` from dout (T, F).

    Mean and variance depend on every element, so gradients flow through them too.
    """
    out, inverse_std = cache
    dcentred = (dout - out * (dout * out).mean()) * inverse_std
    return dcentred - dcentred.mean(axis=0)


def normalise(x):
    """Normalise an utterance by its own statistics; see `normalise_forward`."""
    return normalise_forward(x)[0]


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each frequency, over one utterance or many.

    The sum of two covers the frames of both (Chan, Golub and LeVeque, 1979), so that a corpus can
    be summed utterance by utterance, or in parts by several processes. The mean is
    subtracted before squaring; otherwise, rounding errors would swamp small variances.

    Attributes
    ----------
    count : int
        Frames.
    mean : ndarray of float64 of shape (F,)
    squares : ndarray of float64 of shape (F,)
        Sum of squared deviations from the mean.

    Examples
    --------
    >>> total = sum(map(Moments.of, spectrograms), Moments())
    >>> normalised = (x - total.mean) / total.std
    """

    count: int = 0
    mean: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    @classmethod
    def of(cls, x):
        """Compute the moments of one utterance (T, F), in main memory."""
        mean = x.mean(axis=0, dtype=np.float64)
        return cls(len(x), to_cpu(mean), to_cpu(((x - mean) ** 2).sum(axis=0)))

    def __add__(self, other):
        count = self.count + other.count
        distance = other.mean - self.mean
        return Moments(
            count,
            self.mean + distance * (other.count / max(count, 1)),
            self.squares + other.squares + distance**2 * (self.count * other.count / max(count, 1)),
        )

    def to_json(self):
        """Serialise exactly, to send to another process."""
        return json.dumps(
            [self.count, np.asarray(self.mean).tolist(), np.asarray(self.squares).tolist()]
        )

    @classmethod
    def from_json(cls, text):
        """Restore moments from the text of `to_json`."""
        count, *arrays = json.loads(text)
        return cls(count, *map(np.array, arrays))

    @property
    def std(self):
        """Standard deviation of each frequency, of shape (F,).

        It is 1 for a frequency that never changes, such as one above the band of a telephone: it
        normalises to 0, and any later sound in it is not amplified.
        """
        variance = self.squares / self.count
        return np.sqrt(np.where(variance > VARIANCE_FLOOR, variance, 1))
