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


def zero_padding(x, lengths, time_axis=1, in_place=False):
    """Set the padded frames of a batch to exactly 0, whatever they held.

    Parameters
    ----------
    x : ndarray of shape (N, ..., T, ...)
    lengths : ndarray of shape (N,)
        Real frames of each utterance.
    time_axis : int
        The axis of x that counts frames.
    in_place : bool
        Change x itself instead of a copy.

    Returns
    -------
    ndarray of the shape of x
        x itself where its padding is 0 already.
    """
    padding = [
        (n, *(slice(None),) * (time_axis - 1), slice(length, None))
        for n, length in enumerate(lengths)
        if length < x.shape[time_axis]
    ]
    # Only the padding is read. On a GPU the question would cost more than the copy it may save.
    on_gpu = get_array_module(x) is not np
    if not in_place and (on_gpu or any(x[of_one].any() for of_one in padding)):
        x = x.copy()
    for of_one in padding:
        x[of_one] = 0
    return x


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
