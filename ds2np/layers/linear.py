"""The fully connected layer: the same matrix product for every frame (chapter 07)."""

import math

import numpy as np

from ds2np.kernels.products import product
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.padding import check_batch, zero_padding


def linear_forward(x, W, precision="float32"):
    """Compute out (..., H) = x W from x (..., D) and W (D, H); return it with a cache.

    For the precision see `ds2np.kernels.products`.
    """
    # One large product is faster than many small ones.
    rows = x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
    out = product(rows, W, precision).reshape(*x.shape[:-1], W.shape[1])
    return out, (rows, W, precision)


def linear_backward(dout, cache):
    """Compute dx (..., D) and dW (D, H) of `linear_forward` from dout (..., H)."""
    rows, W, precision = cache
    drows = dout.reshape(-1, W.shape[1])
    dx = product(drows, W.T, precision).reshape(*dout.shape[:-1], W.shape[0])  # dx = dout W^T
    return dx, product(rows.T, drows, precision)  # dW = x^T dout, summed over all frames


class Linear(Layer):
    """Fully connected layer, from (N, T, D) to (N, T, H).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the initial weights (Glorot uniform initialisation).
    bias : bool
        Add a bias b; batch normalisation after the layer would cancel it.
    """

    matrices = ("W",)

    def __init__(self, D, H, rng, bias=True, dtype=np.float32):
        super().__init__()
        check_sizes(D=D, H=H)
        limit = math.sqrt(6 / (D + H))
        self.add_param("W", rng.uniform(-limit, limit, (D, H)).astype(dtype))
        if bias:
            self.add_param("b", np.zeros(H, dtype))

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", "T", len(self.params["W"])), self.params["W"].dtype)
        W = self.matrix("W", x.shape[0] * x.shape[1])
        out, cache = linear_forward(zero_padding(x, lengths), W, self.precision)
        if "b" in self.params:
            out += self.params["b"]
        self._cache = cache, lengths
        return zero_padding(out, lengths, in_place=True)  # b was added to padded frames, too

    def backward(self, dout):
        cache, lengths = self.take_cache(dout)
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
