"""Row convolution: a lookahead of tau frames for networks that run forward only.

Paper, "Row Convolution": r_{t,i} = sum over j = 1..tau+1 of W_{i,j} h_{t+j-1,i}, above all
recurrent layers. Chapter 04 explains it.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.padding import check_batch, check_frames, zero_padding
from ds2np.layers.streaming import TimeWindow


def row_conv_forward(x, W):
    """Sum each frame of x (N, T, H) and its next tau frames, weighted by W (tau + 1, H).

    W is the transpose of the paper's; W[0] weights the frame itself. Frames after the last count as
    zeros. Returns out (N, T, H) and a cache.
    """
    out = x * W[0]
    for j in range(1, len(W)):
        out[:, :-j] += x[:, j:] * W[j]  # out_t = sum_j W_j x_{t+j}
    return out, (x, W)


def row_conv_backward(dout, cache):
    """Compute dx (N, T, H) and dW (tau + 1, H) of `row_conv_forward` from dout (N, T, H)."""
    x, W = cache
    dx = dout * W[0]
    dW = get_array_module(W).zeros_like(W)
    dW[0] = (dout * x).sum(axis=(0, 1))
    for j in range(1, len(W)):
        dx[:, j:] += dout[:, :-j] * W[j]  # dx_t = sum_j W_j dout_{t-j}
        dW[j] = (dout[:, :-j] * x[:, j:]).sum(axis=(0, 1))  # dW_j = sum_{n,t} dout_t x_{t+j}
    return dx, dW


class RowConv(Layer):
    """Row convolution over H features with a lookahead of tau frames.

    The initial weights are drawn uniformly around 1 / (tau + 1), a mean over the frames.
    """

    def __init__(self, H, tau, rng, dtype=np.float32):
        super().__init__()
        check_sizes(H=H)
        check_sizes(least=0, tau=tau)
        self.H, self.tau = H, tau
        W = (1 + rng.uniform(-0.5, 0.5, (tau + 1, H))) / (tau + 1)
        self.add_param("W", W.astype(dtype))

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", "T", self.H), self.params["W"].dtype)
        out, cache = row_conv_forward(zero_padding(x, lengths), self.params["W"])
        self._cache = cache, lengths
        return zero_padding(out, lengths, in_place=True)

    def backward(self, dout):
        cache, lengths = self.take_cache(dout)
        dx, dW = row_conv_backward(zero_padding(dout, lengths), cache)
        self.grads["W"] += dW
        return zero_padding(dx, lengths, in_place=True)

    def forward_chunk(self, x, state, last):
        check_frames(x, ("N", "T", self.H), self.params["W"].dtype)
        x, state = TimeWindow(self.tau + 1, 1, 0, self.tau).push(x, state, last)
        out, _ = row_conv_forward(x, self.params["W"])
        return out[:, : max(x.shape[1] - self.tau, 0)], state

    def multiply_adds(self, shape):
        return self.params["W"].size

    @property
    def reach(self):
        return self.tau + 1
