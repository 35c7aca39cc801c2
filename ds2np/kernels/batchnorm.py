"""Batch normalisation on a GPU: three launches forward, one in evaluation, and two backward.

For float32. `ds2np.layers.batchnorm` has the formulas for arrays, which read x once for each
operation of a formula; these kernels read it once for each sum, and once for the output.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module
from ds2np.kernels.padding import lengths_beside

THREADS, DEPTH = 256, 64  # as in batchnorm.cu
WARP = 32
MAX_PARTS = 64  # of a sum: each block of the next kernel adds them up


class Launcher:
    """Launches kernels over x of shape (N, T, C) or (N, C, T, F).

    `parts` is the number of parts of each sum, `column` the numbers of a feature in a frame.
    """

    def __init__(self, x):
        if x.ndim == 3:
            (N, T, C), F, lanes = x.shape, 1, WARP
        else:
            (N, C, T, F), lanes = x.shape, 1
        pieces = -(-T * F // (DEPTH * THREADS // lanes))
        self.parts, self.column = min(max(N * pieces, 1), MAX_PARTS), F
        self._blocks = -(-C // lanes) * self.parts
        self._sizes = tuple(np.int32(i) for i in (self.parts, N, T, C, F, lanes))

    def __call__(self, name, *arguments):
        kernels.load("batchnorm").get_function(f"batchnorm_{name}")(
            (self._blocks,), (THREADS,), (*arguments, *self._sizes), shared_mem=8 * THREADS
        )


def batchnorm_by_kernel(x, lengths, gamma, beta, running, epsilon, momentum, all_reduce):
    """Normalise x over its real frames; return the output, 0 on padding, and a cache.

    Parameters
    ----------
    x : ndarray of float32 of shape (N, T, C) or (N, C, T, F)
    lengths : ndarray of int of shape (N,)
        A NumPy array.
    running : tuple of two ndarray of shape (C,)
        Running mean and variance, updated in training and used in evaluation.
    momentum : float or None
        Weight of their old values; None in evaluation.
    all_reduce : callable or None
        See `ds2np.layers.batchnorm.seq_batchnorm_forward`.
    """
    xp, C = get_array_module(x), len(gamma)
    x, out = xp.ascontiguousarray(x), xp.empty(x.shape, x.dtype)
    launch, real = Launcher(x), lengths_beside(x, lengths)
    inverse_std, count = xp.empty(C, x.dtype), None
    if momentum is None:
        # One part of each sum, of weight 1. Backward, no sum matters: mean and variance are given.
        mean, squares, weight, keep = running[0], running[1][None], 1.0, 1.0
    else:
        mean, (sums, squares) = xp.empty(C, x.dtype), xp.empty((2, launch.parts, C), x.dtype)
        frames = int(lengths.sum()) * launch.column
        weight, keep = 1 / max(frames, 1), momentum if frames or all_reduce else 1.0
        launch("sums", x, real, sums)
        if all_reduce:
            shared = xp.append(sums.sum(axis=0), x.dtype.type(frames))
            all_reduce(shared)
            count, weight = xp.maximum(shared[-1], 1), 1.0
            sums = (shared[:-1] / count)[None]
        launch("squares", x, real, sums, np.int32(len(sums)), np.float64(weight), mean, squares)
        if all_reduce:
            shared = squares.sum(axis=0)
            all_reduce(shared)
            squares = (shared / count)[None]
    weights = np.int32(len(squares)), np.float64(weight), np.float32(epsilon)
    last = np.float32(keep), *running, inverse_std, out
    launch("normalise", x, real, mean, squares, *weights, gamma, beta, *last)
    return out, (x, real, mean, inverse_std, gamma, weight if momentum is not None else 0.0, count)


def batchnorm_gradient_by_kernel(dout, cache, dgamma, dbeta, all_reduce):
    """Return dx, given dout and the cache of `batchnorm_by_kernel`; add to dgamma and dbeta."""
    x, real, mean, inverse_std, gamma, weight, count = cache
    xp = get_array_module(x)
    launch = Launcher(x)
    dout, dx = xp.ascontiguousarray(dout, x.dtype), xp.empty(x.shape, x.dtype)
    own = every = xp.empty((launch.parts, 2, len(gamma)), x.dtype)
    launch("gradient_sums", dout, x, real, mean, inverse_std, own)
    if count is not None:
        shared = own.sum(axis=0)
        all_reduce(shared)
        every = (shared / count)[None]
    sums = own, np.int32(len(own)), every, np.int32(len(every)), np.float64(weight)
    launch("gradient", dout, x, real, mean, inverse_std, gamma, *sums, dx, dgamma, dbeta)
    return dx
