"""The log-softmax, from logits to log-probabilities (chapter 05)."""

import math

import numpy as np

from ds2np.backend import get_array_module
from ds2np.errors import check_floats

# Numbers whose exponentials are in memory together: on the CPU they stay in its cache, on a GPU
# they are enough for a launch.
BLOCK, BLOCK_ON_GPU = 100_000, 4_000_000


def log_softmax(x):
    """Convert logits (..., V) of float32 or float64 to log-probabilities over the last axis.

    It has no backward pass: `ctc_loss` takes logits and includes the gradient of the softmax.
    """
    check_floats(x, "the array of logits")
    xp, V = get_array_module(x), x.shape[-1]
    rows = x.reshape(math.prod(x.shape[:-1]), V)
    out = xp.empty(rows.shape, x.dtype)
    step = max(1, (BLOCK if xp is np else BLOCK_ON_GPU) // max(V, 1))
    for first in range(0, len(rows), step):
        some = slice(first, first + step)
        peaks = rows[some].max(axis=1, keepdims=True)  # they become 0: no overflow
        y = xp.subtract(rows[some], peaks, out=out[some])
        y -= xp.log(xp.exp(y).sum(axis=1, keepdims=True))  # x - log sum exp(x)
    return out.reshape(x.shape)
