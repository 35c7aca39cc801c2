"""Sequence-wise batch normalisation: statistics over all real frames of all utterances.

Paper, "Batch Normalization for Deep RNNs": mean and variance of a feature are taken over the
utterances of the minibatch and over time together, divided by the number of real frames.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, length_mask, zero_padding

EPSILON = 1e-5  # added to the variance, so that a constant feature does not divide by 0


def _rows(x):
    """Tell which axes are averaged over, and the shape in which the averages fit x again."""
    if x.ndim == 3:  # (N, T, H): one statistic for each h
        return (0, 1), (1, 1, -1)
    return (0, 2, 3), (1, -1, 1, 1)  # (N, C, T, F): one for each channel


def _spread(mask, x):
    """Shape a (N, T) mask so that it multiplies x."""
    return mask[:, :, None] if x.ndim == 3 else mask[:, None, :, None]


def seq_batchnorm_forward(x, gamma, beta, mask, statistics=None, all_reduce=None):
    """Normalise each feature (or channel) over all real frames, then scale and shift it.

    Parameters
    ----------
    x : ndarray of shape (N, T, H) or (N, C, T, F)
        0 on padded frames.
    gamma, beta : ndarray of shape (H,) or (C,)
        Scale and shift.
    mask : ndarray of shape (N, T)
        1 for a real frame, 0 for padding.
    statistics : tuple of two ndarray of shape (H,) or (C,), optional
        Mean and variance to use instead of the batch's own (evaluation).
    all_reduce : callable, optional
        Sums an array in place over all processes that hold a part of the minibatch (SyncBN).

    Returns
    -------
    out : ndarray of the shape of x
        Exactly 0 on padded frames.
    cache : tuple
        For `seq_batchnorm_backward`; its first two entries are the mean and the variance used.
    """
    axes, column = _rows(x)
    mask = _spread(mask, x)
    xp = get_array_module(x)
    if statistics is None:
        frames = mask.sum() * (1 if x.ndim == 3 else x.shape[3])
        sums = xp.append(x.sum(axis=axes), frames).astype(x.dtype, copy=False)
        if all_reduce:
            all_reduce(sums)
        batch_count = xp.maximum(sums[-1], 1)  # where no frame is real, nothing is divided
        mean = sums[:-1] / batch_count
    else:
        batch_count, (mean, var) = None, statistics
    normal = x - mean.reshape(column)
    normal *= mask
    if statistics is None:
        squares = (normal * normal).sum(axis=axes)
        if all_reduce:
            all_reduce(squares)
        var = squares / batch_count
    inverse_std = 1 / xp.sqrt(var + x.dtype.type(EPSILON))
    normal *= inverse_std.reshape(column)
    out = normal * gamma.reshape(column)
    out += beta.reshape(column)
    out *= mask
    return out, (mean, var, normal, inverse_std, gamma, mask, batch_count)


def seq_batchnorm_backward(dout, cache, all_reduce=None):
    """Compute the gradients of `seq_batchnorm_forward`.

    Parameters
    ----------
    dout : ndarray of shape (N, T, H) or (N, C, T, F)
        0 on padded frames.
    cache : tuple
    all_reduce : callable, optional
        As in the forward pass.

    Returns
    -------
    dx : ndarray of the shape of dout
        Exactly 0 on padded frames.
    dgamma, dbeta : ndarray of shape (H,) or (C,)
        Of the frames that this process holds.
    """
    _, _, normal, inverse_std, gamma, mask, batch_count = cache
    axes, column = _rows(dout)
    dbeta = dout.sum(axis=axes)
    dx = dout * normal
    dgamma = dx.sum(axis=axes)
    if batch_count is None:
        dx = dout.copy()
    else:  # each frame moves the mean and the variance, too
        xp = get_array_module(dout)
        sums = xp.stack([dgamma, dbeta])
        if all_reduce:
            all_reduce(sums)
        by_normal, by_one = sums / batch_count
        xp.multiply(normal, -by_normal.reshape(column), out=dx)
        dx += dout
        dx -= by_one.reshape(column)
        dx *= mask
    dx *= (gamma * inverse_std).reshape(column)
    return dx, dgamma, dbeta


class SeqBatchNorm(Layer):
    """Batch normalisation over utterances and time.

    Parameters
    ----------
    H : int
        Features of (N, T, H), or channels of (N, C, T, F).
    time_axis : int
        1 for (N, T, H), 2 for (N, C, T, F).
    momentum : float
        Share of the old value in each update of the running averages.
    dtype : dtype

    Attributes
    ----------
    all_reduce : callable or None
        Makes the statistics those of all processes that share a minibatch; see
        `seq_batchnorm_forward`.
    """

    def __init__(self, H, time_axis=1, momentum=0.9, dtype=np.float32):
        super().__init__()
        self.time_axis, self.momentum, self.all_reduce = time_axis, momentum, None
        self.add_param("gamma", np.ones(H, dtype))
        self.add_param("beta", np.zeros(H, dtype))
        self.buffers["running_mean"] = np.zeros(H, dtype)
        self.buffers["running_var"] = np.ones(H, dtype)

    def forward(self, x, lengths):
        H, dtype = len(self.params["gamma"]), self.params["gamma"].dtype
        shape = ("N", "T", H) if self.time_axis == 1 else ("N", H, "T", "F")
        check_batch(x, lengths, shape, dtype)
        x = zero_padding(x, lengths, self.time_axis)
        mask = length_mask(lengths, x.shape[self.time_axis], x)
        running = self.buffers["running_mean"], self.buffers["running_var"]
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
            raise RuntimeError("chunks are normalised by running statistics: set_training(False)")
        return super().forward_chunk(x, state, last)

    def backward(self, dout):
        cache, lengths = self.take_cache()
        dout = zero_padding(dout, lengths, self.time_axis)
        dx, dgamma, dbeta = seq_batchnorm_backward(dout, cache, self.all_reduce)
        self.grads["gamma"] += dgamma
        self.grads["beta"] += dbeta
        return dx


def sync_batchnorm(layer, all_reduce):
    """Make every batch normalisation of a network synchronised (SyncBN).

    Parameters
    ----------
    layer : Layer
    all_reduce : callable
        See `seq_batchnorm_forward`.
    """
    if isinstance(layer, SeqBatchNorm):
        layer.all_reduce = all_reduce
    for inner in layer.sublayers.values():
        sync_batchnorm(inner, all_reduce)
