"""Dropout: in training, leave out numbers at random, so that no feature can rely on another."""

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding


def dropout_forward(x, kept, rate):
    """Set numbers to 0 and scale the others up, so that the sum stays as it is on average.

    Parameters
    ----------
    x : ndarray
    kept : ndarray of bool of the shape of x
        False for the numbers to leave out.
    rate : float
        The share of numbers that are left out.

    Returns
    -------
    out : ndarray of the shape of x
    cache : ndarray
        What each number was multiplied by, for `dropout_backward`.
    """
    scale = kept.astype(x.dtype) / x.dtype.type(1 - rate)
    return x * scale, scale


def dropout_backward(dout, cache):
    """Compute the gradient of `dropout_forward`.

    Parameters
    ----------
    dout : ndarray
    cache : ndarray

    Returns
    -------
    dx : ndarray of the shape of dout
    """
    return dout * cache


class Dropout(Layer):
    """Leave out a share of all numbers in training; do nothing in evaluation.

    Parameters
    ----------
    rate : float
        The share that is left out, at least 0 and below 1.
    rng : numpy.random.Generator
        Draws anew in each forward pass, in main memory, so that all devices draw alike.
    """

    def __init__(self, rate, rng):
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f"the rate of dropout is {rate}; it has to be at least 0 and below 1")
        self.rate, self.rng = rate, rng

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", "H"))
        x = zero_padding(x, lengths)
        rate = self.rate if self.training else 0.0
        kept = get_array_module(x).asarray(self.rng.random(x.shape) >= rate)
        out, cache = dropout_forward(x, kept, rate)
        self._cache = cache, lengths
        return out

    def backward(self, dout):
        cache, lengths = self.take_cache()
        return dropout_backward(zero_padding(dout, lengths), cache)
