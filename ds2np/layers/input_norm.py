"""Mean and variance normalisation (CMVN) of the features: the first layer of the network.

By the statistics of the corpus, or of the corpus and all frames so far: when streaming (paper,
"Deployment"), those of the utterance are not known yet. Chapter 01 compares the kinds.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.padding import check_batch, check_frames, zero_padding
from ds2np.layers.running_sums import running_sums

PRIOR_FRAMES = 100  # n0, the frames that the corpus statistics count for: one second
VARIANCE_FLOOR = 1e-3  # relative to the variance of the corpus


def corpus_norm_forward(x, mean, std):
    """Normalise x (N, T, F) by the mean (F,) and standard deviation (F,) of the corpus."""
    return (x - mean) / std, std


def corpus_norm_backward(dout, cache):
    """Compute dx of `corpus_norm_forward` from dout, both (N, T, F)."""
    return dout / cache


def running_norm_forward(y, state):
    """Normalise each frame by the running statistics of the corpus and all frames up to it.

    y is already normalised by the corpus, which counts as n0 frames of mean 0 and variance 1. With
    n = n0 + t after t frames:

        m_t = sum_{i<=t} y_i / n        v_t = (n0 + sum_{i<=t} y_i^2) / n - m_t^2
        out_t = (y_t - m_t) / sqrt(v_t + floor)

    Parameters
    ----------
    y : ndarray of shape (N, T, F)
    state : tuple of three ndarray of float64, of shapes (N, 1), (N, F) and (N, F), or None
        Number of earlier frames, and the sums of y and y^2 over them.

    Returns
    -------
    out : ndarray of shape (N, T, F)
    cache : tuple
    state : tuple
        Includes the frames of y.
    """
    xp = get_array_module(y)
    N, T, F = y.shape
    before, sums, squares = state or (xp.zeros((N, 1)), *xp.zeros((2, N, F), xp.float64))
    # In float64: over minutes, the difference of two large sums would lose the digits of float32.
    sums = sums[:, None] + running_sums(y)
    squares = squares[:, None] + running_sums(xp.square(y, dtype=xp.float64))
    n = PRIOR_FRAMES + before[:, None] + xp.arange(1, T + 1)[:, None]  # (N, T, 1)
    mean = sums / n  # m_t
    inverse_std = 1 / xp.sqrt((PRIOR_FRAMES + squares) / n - mean * mean + VARIANCE_FLOOR)
    out = (y - mean) * inverse_std  # (y_t - m_t) / sqrt(v_t + floor)
    if T:
        state = before + T, sums[:, -1], squares[:, -1]
    return out.astype(y.dtype), (y, mean, inverse_std, n), state


def running_norm_backward(dout, cache):
    """Compute dy of `running_norm_forward` from dout, 0 on padded frames, both (N, T, F)."""
    y, mean, inverse_std, n = cache
    dcentred = dout * inverse_std
    dvar = -0.5 * dcentred * (y - mean) * inverse_std**2
    dmean = -dcentred - 2 * mean * dvar  # the mean is also part of the variance

    def from_later_frames(d):  # each frame moves the statistics of all later frames
        return running_sums((d / n)[:, ::-1])[:, ::-1]

    dy = dcentred + from_later_frames(dmean) + 2 * y * from_later_frames(dvar)
    return dy.astype(dout.dtype)


class InputNorm(Layer):
    """Normalisation of F features by the statistics of the corpus, held in the buffers.

    With `running`, they are updated frame by frame within each utterance.
    """

    def __init__(self, F, running=False, dtype=np.float32):
        super().__init__()
        check_sizes(F=F)
        self.running = running
        self.add_buffer("mean", np.zeros(F, dtype))
        self.add_buffer("std", np.ones(F, dtype))

    def forward(self, x, lengths):
        lengths = check_batch(
            x, lengths, ("N", "T", len(self.buffers["mean"])), self.buffers["mean"].dtype
        )
        out, cache, _ = self._normalise(zero_padding(x, lengths), None)
        self._cache = *cache, lengths
        return zero_padding(out, lengths, in_place=True)

    def _normalise(self, x, state):
        out, std = corpus_norm_forward(x, self.buffers["mean"], self.buffers["std"])
        if not self.running:
            return out, (std, None), None
        out, cache, state = running_norm_forward(out, state)
        return out, (std, cache), state

    def backward(self, dout):
        std, cache, lengths = self.take_cache(dout)
        dout = zero_padding(dout, lengths)
        if self.running:
            dout = running_norm_backward(dout, cache)
        return zero_padding(corpus_norm_backward(dout, std), lengths, in_place=True)

    def forward_chunk(self, x, state, last):
        check_frames(x, ("N", "T", len(self.buffers["mean"])), self.buffers["mean"].dtype)
        out, _, state = self._normalise(x, state)
        return out, state
