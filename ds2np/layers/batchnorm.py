"""Sequence-wise batch normalisation: statistics over all real frames of the minibatch.

Paper, "Batch Normalization for Deep RNNs". Chapter 03 derives it; chapter 13 synchronises it.
"""

import math

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module
from ds2np.kernels.batchnorm import batchnorm_by_kernel, batchnorm_gradient_by_kernel
from ds2np.layers.base import Layer, check_sizes, check_time_axis
from ds2np.layers.padding import check_batch, length_mask, zero_padding
from ds2np.layers.parts import map_parts

EPSILON = 1e-5  # added to the variance: a constant feature must not divide by 0
PART = 2**18  # numbers that are normalised at a time


def _rows(x):
    """Return the axes to average over, and the shape that broadcasts the statistics over x."""
    if x.ndim == 3:  # (N, T, H): statistics of each feature
        return (0, 1), (1, 1, -1)
    return (0, 2, 3), (1, -1, 1, 1)  # (N, C, T, F): statistics of each channel


def _spread(mask, x):
    """Reshape a mask (N, T) to broadcast over x."""
    return mask[:, :, None] if x.ndim == 3 else mask[:, None, :, None]


def _map(function, x):
    """Return the results of `map_parts` for some utterances at a time."""
    return map_parts(function, x, max(PART // max(math.prod(x.shape[1:]), 1), 1))


def seq_batchnorm_forward(x, gamma, beta, mask, statistics=None, all_reduce=None):
    """Normalise each feature (or channel) over all real frames, then scale and shift it.

    Parameters
    ----------
    x : ndarray of shape (N, T, H) or (N, C, T, F)
        0 on padded frames, as the output is.
    gamma, beta : ndarray of shape (H,) or (C,)
        Scale and shift.
    mask : ndarray of shape (N, T)
        1 for a real frame, 0 for padding.
    statistics : tuple of two ndarray of shape (H,) or (C,), optional
        Mean and variance to use instead of those of the batch (evaluation).
    all_reduce : callable, optional
        Sums an array in place over all processes that share the minibatch (SyncBN).

    Returns
    -------
    out : ndarray of the shape of x
    cache : tuple
        Begins with the mean and the variance used.
    """
    axes, column = _rows(x)
    mask = _spread(mask, x)
    xp = get_array_module(x)
    if statistics is None:
        frames = mask.sum() * (1 if x.ndim == 3 else x.shape[3])
        total = sum(_map(lambda part: x[part].sum(axis=axes), x))
        sums = xp.append(total, frames).astype(x.dtype, copy=False)
        if all_reduce:
            all_reduce(sums)
        batch_count = xp.maximum(sums[-1], 1)  # n; 1 without real frames, to avoid 0 / 0
        mean = sums[:-1] / batch_count  # mu = sum x / n
    else:
        batch_count, (mean, var) = None, statistics
    normal, out = xp.empty_like(x), xp.empty_like(x)

    def centre(part):
        centred = xp.subtract(x[part], mean.reshape(column), out=normal[part])  # x - mu
        centred *= mask[part]  # padding holds -mu now: back to 0
        return (centred * centred).sum(axis=axes) if statistics is None else None

    def scale(part):
        scaled = normal[part]
        scaled *= inverse_std.reshape(column)  # x_hat = (x - mu) / s
        y = xp.multiply(scaled, gamma.reshape(column), out=out[part])
        y += beta.reshape(column)  # y = gamma x_hat + beta
        y *= mask[part]

    squares = _map(centre, x)
    if statistics is None:
        squares = sum(squares)
        if all_reduce:
            all_reduce(squares)
        var = squares / batch_count  # sigma^2 = sum (x - mu)^2 / n
    inverse_std = 1 / xp.sqrt(var + x.dtype.type(EPSILON))  # 1 / s, s = sqrt(sigma^2 + epsilon)
    _map(scale, x)
    return out, (mean, var, normal, inverse_std, gamma, mask, batch_count)


def seq_batchnorm_backward(dout, cache, all_reduce=None):
    """Compute dx, dgamma and dbeta of `seq_batchnorm_forward` from dout, 0 on padded frames.

    With `all_reduce`, dx takes all processes into account; dgamma and dbeta are the sums over the
    frames of this process, to be reduced with all other gradients.
    """
    _, _, normal, inverse_std, gamma, mask, batch_count = cache
    axes, column = _rows(dout)
    xp = get_array_module(dout)

    def sums_of(part):  # sum dy, sum dy x_hat
        return xp.stack([dout[part].sum(axis=axes), (dout[part] * normal[part]).sum(axis=axes)])

    dbeta, dgamma = sums = sum(_map(sums_of, dout))
    if batch_count is None:
        return dout * (gamma * inverse_std).reshape(column), dgamma, dbeta
    # x acts directly, through the mean and through the variance.
    if all_reduce:
        sums = sums.copy()
        all_reduce(sums)
    by_one, by_normal = sums / batch_count  # dbeta / n, dgamma / n
    dx = xp.empty_like(dout)

    def gradient(part):
        d = xp.multiply(normal[part], -by_normal.reshape(column), out=dx[part])  # variance
        d += dout[part]  # directly: dy
        d -= by_one.reshape(column)  # mean
        d *= mask[part]
        d *= (gamma * inverse_std).reshape(column)  # dx = gamma/s (dy - dbeta/n - x_hat dgamma/n)

    _map(gradient, dout)
    return dx, dgamma, dbeta


class SeqBatchNorm(Layer):
    """Batch normalisation over utterances and time.

    Parameters
    ----------
    H : int
        Features of inputs (N, T, H), or channels of inputs (N, C, T, F).
    time_axis : int
        1 for (N, T, H), 2 for (N, C, T, F).
    momentum : float
        Weight of the old value in each update of the running statistics.
    """

    def __init__(self, H, time_axis=1, momentum=0.9, dtype=np.float32):
        super().__init__()
        check_sizes(H=H)
        check_time_axis(time_axis)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum is {momentum}, expected a number from 0 to 1")
        self.time_axis, self.momentum, self.all_reduce = time_axis, momentum, None
        self.add_param("gamma", np.ones(H, dtype))
        self.add_param("beta", np.zeros(H, dtype))
        self.add_buffer("running_mean", np.zeros(H, dtype))
        self.add_buffer("running_var", np.ones(H, dtype))

    def forward(self, x, lengths):
        H, dtype = len(self.params["gamma"]), self.params["gamma"].dtype
        shape = ("N", "T", H) if self.time_axis == 1 else ("N", H, "T", "F")
        lengths = check_batch(x, lengths, shape, dtype)
        running = self.buffers["running_mean"], self.buffers["running_var"]
        if kernels.support(x):
            momentum = self.momentum if self.training else None
            given = self.params["gamma"], self.params["beta"], running, EPSILON, momentum
            out, cache = batchnorm_by_kernel(x, lengths, *given, self.all_reduce)
            self._cache = cache, lengths
            return out
        x = zero_padding(x, lengths, self.time_axis)
        mask = length_mask(lengths, x.shape[self.time_axis], x)
        out, cache = seq_batchnorm_forward(
            x,
            self.params["gamma"],
            self.params["beta"],
            mask,
            None if self.training else running,
            self.all_reduce,
        )
        self._cache = cache, lengths
        if self.training and (lengths.any() or self.all_reduce):
            for statistic, new in zip(running, cache[:2], strict=True):
                statistic *= self.momentum
                statistic += (1 - self.momentum) * new
        return out

    def forward_chunk(self, x, state, last):
        if self.training:
            raise RuntimeError(
                "chunks are normalised by the running statistics: call set_training(False) first"
            )
        return super().forward_chunk(x, state, last)

    def backward(self, dout):
        cache, lengths = self.take_cache(dout)
        if kernels.support(self.params["gamma"]):
            sums = self.grads["gamma"], self.grads["beta"], self.all_reduce
            return batchnorm_gradient_by_kernel(dout, cache, *sums)
        dout = zero_padding(dout, lengths, self.time_axis)
        dx, dgamma, dbeta = seq_batchnorm_backward(dout, cache, self.all_reduce)
        self.grads["gamma"] += dgamma
        self.grads["beta"] += dbeta
        return dx


def sync_batchnorm(layer, all_reduce):
    """Make all batch normalisation within a layer use all-reduced statistics (SyncBN)."""
    if isinstance(layer, SeqBatchNorm):
        layer.all_reduce = all_reduce
    for inner in layer.sublayers.values():
        sync_batchnorm(inner, all_reduce)
