"""Row convolution: a look at a few frames to come, for networks that run forward only.

Paper, "Row Convolution": r_{t,i} = sum over j = 1..tau+1 of W_{i,j} h_{t+j-1,i}. Each feature mixes
its own next tau frames; the layer stands above all recurrent layers.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding
from ds2np.layers.streaming import TimeWindow


def row_conv_forward(x, W):
    """Mix each feature with its own next frames; beyond the last frame there are zeros.

    Parameters
    ----------
    x : ndarray of shape (N, T, H)
    W : ndarray of shape (tau + 1, H)
        Row 0 weighs the frame itself. (The paper has it transposed.)

    Returns
    -------
    out : ndarray of shape (N, T, H)
    cache : tuple
        For `row_conv_backward`.
    """
    out = x * W[0]
    for j in range(1, len(W)):
        out[:, :-j] += x[:, j:] * W[j]
    return out, (x, W)


def row_conv_backward(dout, cache):
    """Compute the gradients of `row_conv_forward`.

    Parameters
    ----------
    dout : ndarray of shape (N, T, H)
    cache : tuple

    Returns
    -------
    dx : ndarray of shape (N, T, H)
    dW : ndarray of shape (tau + 1, H)
    """
    x, W = cache
    dx = dout * W[0]
    dW = get_array_module(W).zeros_like(W)
    dW[0] = (dout * x).sum(axis=(0, 1))
    for j in range(1, len(W)):
        dx[:, j:] += dout[:, :-j] * W[j]
        dW[j] = (dout[:, :-j] * x[:, j:]).sum(axis=(0, 1))
    return dx, dW


class RowConv(Layer):
    """Mix each feature with its own next tau frames.

    Parameters
    ----------
    H : int
        Features.
    tau : int
        Frames of the future.
    rng : numpy.random.Generator
        Draws the initial weights, uniform, around a mean over the frames.
    dtype : dtype
    """

    def __init__(self, H, tau, rng, dtype=np.float32):
        super().__init__()
        self.H, self.tau = H, tau
        W = (1 + rng.uniform(-0.5, 0.5, (tau + 1, H))) / (tau + 1)
        self.add_param("W", W.astype(dtype))

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", self.H), self.params["W"].dtype)
        out, cache = row_conv_forward(zero_padding(x, lengths), self.params["W"])
        self._cache = cache, lengths
        return zero_padding(out, lengths, in_place=True)

    def backward(self, dout):
        cache, lengths = self.take_cache()
        dx, dW = row_conv_backward(zero_padding(dout, lengths), cache)
        self.grads["W"] += dW
        return zero_padding(dx, lengths, in_place=True)

    def forward_chunk(self, x, state, last):
        x, state = TimeWindow(self.tau + 1, 1, 0, self.tau).push(x, state, last)
        out, _ = row_conv_forward(x, self.params["W"])
        return out[:, : max(x.shape[1] - self.tau, 0)], state

    def multiply_adds(self, shape):
        return self.params["W"].size

    @property
    def reach(self):
        return self.tau + 1
