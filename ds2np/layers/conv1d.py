"""Convolution over time only: every feature is a channel (chapter 02).

Paper, table of convolutions, "1D" rows. One large matrix product over windows laid out as rows; the
Fourier transform would gain nothing here.
"""

import math

import numpy as np

from ds2np.backend import get_array_module
from ds2np.kernels.products import product
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.conv import conv_out_length, resolve_padding
from ds2np.layers.padding import check_batch, check_frames, zero_padding
from ds2np.layers.streaming import TimeWindow


def conv1d_forward(x, W, stride=1, padding=0, precision="float32"):
    """Compute out (N, T_out, O) from x (N, T, D) and filters W (K, D, O), with a cache.

    For the precision see `ds2np.kernels.products`.
    """
    xp = get_array_module(x)
    K, D, O = W.shape  # noqa: E741
    padded = xp.pad(x, ((0, 0), (padding, padding), (0, 0)))
    T_out = max((padded.shape[1] - K) // stride + 1, 0)
    rows = xp.empty((len(x), T_out, K, D), x.dtype)
    for k in range(K):
        rows[:, :, k] = padded[:, k : k + stride * T_out : stride][:, :T_out]  # x_{stride t + k}
    rows = rows.reshape(-1, K * D)
    out = product(rows, W.reshape(K * D, O), precision)  # sum_k x_{stride t + k} W_k
    return out.reshape(len(x), T_out, O), (rows, W, x.shape, stride, padding, precision)


def conv1d_backward(dout, cache):
    """Compute dx (N, T, D) and dW (K, D, O) of `conv1d_forward` from dout (N, T_out, O)."""
    rows, W, (N, T, _), stride, padding, precision = cache
    K, D, O = W.shape  # noqa: E741
    T_out = dout.shape[1]
    drows = dout.reshape(-1, O)
    dW = product(rows.T, drows, precision).reshape(W.shape)  # sum_{n,t} x_{stride t + k}^T dout_t
    drows = product(drows, W.reshape(K * D, O).T, precision)  # dout_t W_k^T
    drows = drows.reshape(N, T_out, K, D)
    dpadded = get_array_module(dout).zeros((N, T + 2 * padding, D), dout.dtype)
    for k in range(K):  # windows overlap: dx_{stride t + k} += dout_t W_k^T
        dpadded[:, k : k + stride * T_out : stride][:, :T_out] += drows[:, :, k]
    return dpadded[:, padding : padding + T], dW


class Conv1D(Layer):
    """Convolution over time, from D to O features; kernel and stride are in frames.

    `rng` draws the initial weights (He normal initialisation); padding is "same" or "valid".
    """

    matrices = ("W",)

    def __init__(self, D, O, kernel, stride, rng, padding="same", dtype=np.float32):  # noqa: E741
        super().__init__()
        check_sizes(D=D, O=O, kernel=kernel, stride=stride)
        self.D, self.kernel, self.stride = D, kernel, stride
        self.padding = resolve_padding(padding, kernel)
        scale = math.sqrt(2 / (kernel * D))
        self.add_param("W", (scale * rng.standard_normal((kernel, D, O))).astype(dtype))

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", "T", self.D), self.params["W"].dtype)
        x = zero_padding(x, lengths)
        W = self.matrix("W", len(x) * int(self.out_lengths(x.shape[1])))
        out, cache = conv1d_forward(x, W, self.stride, self.padding, self.precision)
        self._cache = cache, lengths
        return zero_padding(out, self.out_lengths(lengths), in_place=True)

    def backward(self, dout):
        cache, lengths = self.take_cache(dout)
        dx, dW = conv1d_backward(zero_padding(dout, self.out_lengths(lengths)), cache)
        self.grads["W"] += dW
        return zero_padding(dx, lengths)

    def forward_chunk(self, x, state, last):
        check_frames(x, ("N", "T", self.D), self.params["W"].dtype)
        window = TimeWindow(self.kernel, self.stride, self.padding, self.padding)
        x, state = window.push(x, state, last)
        W = self.matrix("W", len(x) * ((x.shape[1] - self.kernel) // self.stride + 1))
        return conv1d_forward(x, W, self.stride, 0, self.precision)[0], state

    def out_shape(self, shape):
        return (self.params["W"].shape[2],)

    def multiply_adds(self, shape):
        return self.params["W"].size

    @property
    def reach(self):
        return self.kernel

    def out_lengths(self, lengths):
        return conv_out_length(lengths, self.kernel, self.stride, self.padding)
