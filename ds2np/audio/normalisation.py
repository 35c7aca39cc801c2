"""Normalisation of an utterance by its own statistics, and the statistics of a corpus.

Paper, "Input": power-normalised. What stays the same through an utterance says nothing about its
words: how loud the recording is, and how voice and microphone colour the sound. Chapter 01 listens
to it. Normalisation by a corpus is a layer of the network, `InputNorm`.
"""

import json
from dataclasses import dataclass

import numpy as np

from ds2np.backend import get_array_module, to_cpu

VARIANCE_FLOOR = 1e-8  # a sound without any change is left at 0


def normalise_forward(x):
    """Take the mean of each frequency out of one utterance, and bring all of it to variance 1.

    Parameters
    ----------
    x : ndarray of shape (T, F)

    Returns
    -------
    out : ndarray of shape (T, F)
    cache : tuple
        For `normalise_backward`.
    """
    centred = x - x.mean(axis=0)
    variance = (centred * centred).mean() + x.dtype.type(VARIANCE_FLOOR)
    inverse_std = 1 / get_array_module(x).sqrt(variance)
    out = centred * inverse_std
    return out, (out, inverse_std)


def normalise_backward(dout, cache):
    """Compute the gradient of `normalise_forward`.

    Mean and variance depend on every element, so that each element gets gradients through them too.

    Parameters
    ----------
    dout : ndarray of shape (T, F)
    cache : tuple

    Returns
    -------
    dx : ndarray of shape (T, F)
    """
    out, inverse_std = cache
    dcentred = (dout - out * (dout * out).mean()) * inverse_std
    return dcentred - dcentred.mean(axis=0)


def normalise(x):
    """Normalise one utterance by its own statistics; see `normalise_forward`."""
    return normalise_forward(x)[0]


@dataclass(frozen=True)
class Moments:
    """Mean and variance of each frequency, of one utterance or of many.

    Two of them add up to the moments of all their frames together (Chan, Golub and LeVeque, 1979):
    a corpus is summed utterance by utterance, or in parts by several processes, and no part of it
    is ever squared before its mean is out, which would drown small variances in rounding.

    Attributes
    ----------
    count : int
        Frames.
    mean : ndarray of float64 of shape (F,)
    squares : ndarray of float64 of shape (F,)
        Sum of the squared distances from the mean.

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
        """Measure one utterance.

        Parameters
        ----------
        x : ndarray of shape (T, F)

        Returns
        -------
        Moments
            In main memory.
        """
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
        """Write it down exactly, for another process."""
        return json.dumps(
            [self.count, np.asarray(self.mean).tolist(), np.asarray(self.squares).tolist()]
        )

    @classmethod
    def from_json(cls, text):
        """Read what `to_json` wrote."""
        count, *arrays = json.loads(text)
        return cls(count, *map(np.array, arrays))

    @property
    def std(self):
        """Standard deviation of each frequency, of shape (F,).

        A frequency that never changes, such as one above what a telephone passes on, has 1: it is
        left at 0, and what sounds there one day is not blown up.
        """
        variance = self.squares / self.count
        return np.sqrt(np.where(variance > VARIANCE_FLOOR, variance, 1))
