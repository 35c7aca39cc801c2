"""Utterances of unequal length in one array: which frames are real, and what of the rest."""

import numpy as np

from ds2np.backend import get_array_module


def length_mask(lengths, T, like):
    """Mark the real frames of a padded batch.

    Parameters
    ----------
    lengths : ndarray of shape (N,)
        Real frames of each utterance, in main memory.
    T : int
        Frames of the padded batch.
    like : ndarray
        The mask is made for this array's module and dtype.

    Returns
    -------
    ndarray of shape (N, T)
        1 for a real frame, 0 for padding.
    """
    xp = get_array_module(like)
    lengths = xp.asarray(lengths)
    return (xp.arange(T)[None, :] < lengths[:, None]).astype(like.dtype)


def zero_padding(x, lengths, time_axis=1):
    """Set the padded frames of a batch to exactly 0, whatever they held.

    Parameters
    ----------
    x : ndarray of shape (N, ..., T, ...)
        A batch; returned as it is where nothing is padded.
    lengths : ndarray of shape (N,)
        Real frames of each utterance.
    time_axis : int
        The axis of x that counts frames.

    Returns
    -------
    ndarray of the shape of x
    """
    T = x.shape[time_axis]
    if np.min(lengths) >= T:
        return x
    xp = get_array_module(x)
    shape = [1] * x.ndim
    shape[0], shape[time_axis] = x.shape[0], T
    real = length_mask(lengths, T, x).reshape(shape) > 0
    return xp.where(real, x, x.dtype.type(0))  # not a product: the padding may hold NaN


def reverse_sequences(x, lengths):
    """Turn each utterance around within its own length; padding stays where it is.

    Parameters
    ----------
    x : ndarray of shape (T, N, ...)
    lengths : ndarray of shape (N,)

    Returns
    -------
    ndarray of the shape of x
    """
    xp = get_array_module(x)
    t = np.arange(x.shape[0])[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)  # (T, N)
    return x[xp.asarray(source), xp.arange(x.shape[1])]
