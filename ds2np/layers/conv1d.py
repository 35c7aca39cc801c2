"""Convolution over time only: every frequency is a channel of its own.

Paper, table of convolutions, "1D" rows. The filter covers all features, so the work is one large
matrix product over windows laid out as rows; what speeds up the convolution over time and frequency
would gain nothing here.
"""

import math

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.conv import conv_out_length, resolve_padding
from ds2np.layers.padding import check_batch, zero_padding
from ds2np.layers.streaming import TimeWindow


def conv1d_forward(x, W, stride=1, padding=0):
    """Slide filters over time (cross-correlation).

    Parameters
    ----------
    x : ndarray of shape (N, T, D)
    W : ndarray of shape (K, D, O)
        O filters over K frames.
    stride, padding : int

    Returns
    -------
    out : ndarray of shape (N, T_out, O)
    cache : tuple
        For `conv1d_backward`.
    """
    xp = get_array_module(x)
    K, D, O = W.shape  # noqa: E741
    padded = xp.pad(x, ((0, 0), (padding, padding), (0, 0)))
    T_out = max((padded.shape[1] - K) // stride + 1, 0)
    rows = xp.empty((len(x), T_out, K, D), x.dtype)
    for k in range(K):
        rows[:, :, k] = padded[:, k : k + stride * T_out : stride][:, :T_out]
    rows = rows.reshape(-1, K * D)
    out = (rows @ W.reshape(K * D, O)).reshape(len(x), T_out, O)
    return out, (rows, W, x.shape, stride, padding)


def conv1d_backward(dout, cache):
    """Compute the gradients of `conv1d_forward`.

    Parameters
    ----------
    dout : ndarray of shape (N, T_out, O)
    cache : tuple

    Returns
    -------
    dx : ndarray of shape (N, T, D)
    dW : ndarray of shape (K, D, O)
    """
    rows, W, (N, T, _), stride, padding = cache
    K, D, O = W.shape  # noqa: E741
    T_out = dout.shape[1]
    drows = dout.reshape(-1, O)
    dW = (rows.T @ drows).reshape(W.shape)
    drows = (drows @ W.reshape(K * D, O).T).reshape(N, T_out, K, D)
    dpadded = get_array_module(dout).zeros((N, T + 2 * padding, D), dout.dtype)
    for k in range(K):  # windows overlap: their gradients add up
        dpadded[:, k : k + stride * T_out : stride][:, :T_out] += drows[:, :, k]
    return dpadded[:, padding : padding + T], dW


class Conv1D(Layer):
    """Convolve over time.

    Parameters
    ----------
    D, O : int
        Features of the input, and of the output.
    kernel, stride : int
        In frames.
    rng : numpy.random.Generator
        Draws the initial weights (He and others' normal distribution).
    padding : {"same", "valid"}
    dtype : dtype
    """

    def __init__(self, D, O, kernel, stride, rng, padding="same", dtype=np.float32):  # noqa: E741
        super().__init__()
        self.D, self.kernel, self.stride = D, kernel, stride
        self.padding = resolve_padding(padding, kernel)
        scale = math.sqrt(2 / (kernel * D))
        self.add_param("W", (scale * rng.standard_normal((kernel, D, O))).astype(dtype))

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", self.D), self.params["W"].dtype)
        x = zero_padding(x, lengths)
        out, cache = conv1d_forward(x, self.params["W"], self.stride, self.padding)
        self._cache = cache, lengths
        return zero_padding(out, self.out_lengths(lengths), in_place=True)

    def backward(self, dout):
        cache, lengths = self.take_cache()
        dx, dW = conv1d_backward(zero_padding(dout, self.out_lengths(lengths)), cache)
        self.grads["W"] += dW
        return zero_padding(dx, lengths)

    def forward_chunk(self, x, state, last):
        window = TimeWindow(self.kernel, self.stride, self.padding, self.padding)
        x, state = window.push(x, state, last)
        return conv1d_forward(x, self.params["W"], self.stride)[0], state

    def out_shape(self, shape):
        return (self.params["W"].shape[2],)

    def multiply_adds(self, shape):
        return self.params["W"].size

    @property
    def reach(self):
        return self.kernel

    def out_lengths(self, lengths):
        return conv_out_length(lengths, self.kernel, self.stride, self.padding)
