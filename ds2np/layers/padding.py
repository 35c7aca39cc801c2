"""Utterances of unequal length in one array: which frames are real, and what of the rest."""

import numpy as np

from ds2np.backend import get_array_module


def check_batch(x, lengths, shape, dtype=None):
    """Refuse a batch that does not fit, before any arithmetic.

    Parameters
    ----------
    x : ndarray
    lengths : ndarray
        One for each utterance, in main memory.
    shape : tuple
        What is needed along each axis: a number, or a letter where any size will do. "T" is the
        axis that counts frames.
    dtype : dtype, optional
        That of the layer's parameters.

    Raises
    ------
    ValueError
        If rank, size, dtype or lengths are not as needed; says what was given and what is needed.
    """
    needed = f"({', '.join(map(str, shape))})"
    if not hasattr(x, "dtype"):
        raise ValueError(f"the input is a {type(x).__name__}; needed is an ndarray {needed}")
    if x.ndim != len(shape) or any(
        isinstance(need, int) and need != size for need, size in zip(shape, x.shape, strict=True)
    ):
        raise ValueError(f"the input has shape {x.shape}; needed is {needed}")
    if x.dtype.kind != "f" or (dtype is not None and x.dtype != dtype):
        raise ValueError(f"the input is {x.dtype}; needed is {dtype or 'float32 or float64'}")
    N, T = x.shape[0], x.shape[shape.index("T")]
    if (
        not isinstance(lengths, np.ndarray)
        or lengths.shape != (N,)
        or lengths.dtype.kind not in "iu"
    ):
        given = getattr(lengths, "shape", None), getattr(lengths, "dtype", type(lengths).__name__)
        raise ValueError(
            f"lengths are {given[1]} of shape {given[0]}; needed are {N} integers in an ndarray"
        )
    if N and not (lengths.min() >= 0 and lengths.max() <= T):
        raise ValueError(f"lengths are {lengths.tolist()}; they have to lie within 0 and {T}")


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
