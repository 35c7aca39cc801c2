"""The fully connected layer: one matrix product for every frame."""

import math

import numpy as np

from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding


def linear_forward(x, W):
    """Multiply each frame by a matrix.

    Parameters
    ----------
    x : ndarray of shape (..., D)
    W : ndarray of shape (D, H)

    Returns
    -------
    out : ndarray of shape (..., H)
    cache : tuple
        For `linear_backward`.
    """
    # One large product is faster than many small ones.
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    return (rows @ W).reshape(*x.shape[:-1], W.shape[1]), (rows, W)


def linear_backward(dout, cache):
    """Compute the gradients of `linear_forward`.

    Parameters
    ----------
    dout : ndarray of shape (..., H)
    cache : tuple

    Returns
    -------
    dx : ndarray of shape (..., D)
    dW : ndarray of shape (D, H)
    """
    rows, W = cache
    drows = dout.reshape(-1, W.shape[1])
    dx = (drows @ W.T).reshape(*dout.shape[:-1], W.shape[0])
    return dx, rows.T @ drows


class Linear(Layer):
    """Map D features to H features, frame by frame.

    Parameters
    ----------
    D, H : int
        Features of the input and of the output.
    rng : numpy.random.Generator
        Draws the initial weights (Glorot and Bengio's uniform distribution).
    bias : bool
        Add a bias; useless where batch normalisation follows.
    dtype : dtype
    """

    def __init__(self, D, H, rng, bias=True, dtype=np.float32):
        super().__init__()
        limit = math.sqrt(6 / (D + H))
        self.add_param("W", rng.uniform(-limit, limit, (D, H)).astype(dtype))
        if bias:
            self.add_param("b", np.zeros(H, dtype))

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", len(self.params["W"])), self.params["W"].dtype)
        out, cache = linear_forward(zero_padding(x, lengths), self.params["W"])
        if "b" in self.params:
            out += self.params["b"]
        self._cache = cache, lengths
        return zero_padding(out, lengths, in_place=True)  # the bias has reached the padding

    def backward(self, dout):
        cache, lengths = self.take_cache()
        dout = zero_padding(dout, lengths)
        dx, dW = linear_backward(dout, cache)
        self.grads["W"] += dW
        if "b" in self.params:
            self.grads["b"] += dout.sum(axis=(0, 1))
        return dx

    def out_shape(self, shape):
        return (self.params["W"].shape[1],)

    def multiply_adds(self, shape):
        return self.params["W"].size
