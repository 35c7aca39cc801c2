"""Utterances of unequal length in one padded batch: checks, masks, zeroing, time reversal."""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module
from ds2np.errors import check_floats
from ds2np.kernels.padding import zero_padding_by_kernel


def check_batch(x, lengths, shape, dtype=None):
    """Raise a ValueError if the rank, size, dtype or lengths of a batch are wrong.

    Returns the lengths as int64, see `widen_lengths`.

    Parameters
    ----------
    lengths : ndarray of int of shape (N,)
        A NumPy array, also where x is on a GPU.
    shape : tuple
        The expected size of each axis, or a letter where any size is allowed, such as
        ("N", "T", 161). "T" marks the time axis.
    dtype : dtype, optional
        The dtype of the layer's parameters; without it, float32 or float64.
    """
    check_frames(x, shape, dtype)
    N, T = x.shape[0], x.shape[shape.index("T")]
    if (
        not isinstance(lengths, np.ndarray)
        or lengths.shape != (N,)
        or lengths.dtype.kind not in "iu"
    ):
        is_array = hasattr(lengths, "dtype")
        given = f"{lengths.dtype} {lengths.shape}" if is_array else type(lengths).__name__
        raise ValueError(f"lengths: expected a NumPy integer array of shape ({N},), got {given}")
    if N and not (lengths.min() >= 0 and lengths.max() <= T):
        raise ValueError(f"lengths are {lengths.tolist()}, expected values from 0 to {T}")
    return widen_lengths(lengths)


def check_frames(x, shape, dtype=None):
    """Check the frames of a batch or a chunk alone; see `check_batch`."""
    expected = f"({', '.join(map(str, shape))})"
    if not hasattr(x, "dtype"):
        raise ValueError(f"the input is a {type(x).__name__}, expected an array {expected}")
    if x.ndim != len(shape) or any(
        isinstance(need, int) and need != size for need, size in zip(shape, x.shape, strict=True)
    ):
        raise ValueError(f"the input has shape {x.shape}, expected {expected}")
    if dtype is None:
        check_floats(x, "the input")
    elif x.dtype != dtype:
        raise ValueError(f"the input is {x.dtype}, expected {dtype}")


def widen_lengths(lengths):
    """Convert lengths, a number or an array of any integers, to int64.

    Small integers would overflow in sums and products, unsigned ones wrap below 0.
    """
    lengths = np.asarray(lengths)
    if lengths.size and lengths.dtype.kind not in "iu":  # an empty list has no integers
        raise ValueError(f"lengths are {lengths.dtype}, expected integers")
    return lengths.astype(np.int64, copy=False)


def length_mask(lengths, T, like):
    """Return a mask (N, T), 1 for real frames and 0 for padding, from lengths (N,).

    The mask has the array module and the dtype of `like`.
    """
    xp = get_array_module(like)
    lengths = xp.asarray(lengths)
    return (xp.arange(T)[None, :] < lengths[:, None]).astype(like.dtype)


def zero_padding(x, lengths, time_axis=1, in_place=False):
    """Set the padded frames of x (N, ..., T, ...) to exactly 0, even where they hold nan.

    Returns a copy, unless `in_place` is set or, on the CPU, the padding is 0 already.
    """
    xp, T = get_array_module(x), x.shape[time_axis]
    if kernels.support(x) and (x.flags.c_contiguous or not in_place):
        return zero_padding_by_kernel(x, lengths, time_axis, in_place)
    if xp is not np:  # as few launches, however many utterances are padded
        real = xp.asarray(np.arange(T) < lengths[:, None])
        real = real.reshape(len(x), *(1,) * (time_axis - 1), T, *(1,) * (x.ndim - time_axis - 1))
        if not in_place:
            return xp.where(real, x, 0)
        xp.copyto(x, 0, where=~real)
        return x
    padding = [
        (n, *(slice(None),) * (time_axis - 1), slice(length, None))
        for n, length in enumerate(lengths)
        if length < T
    ]
    if not in_place and any(x[of_one].any() for of_one in padding):  # only the padding is read
        x = x.copy()
    for of_one in padding:
        x[of_one] = 0
    return x


def reverse_sequences(x, lengths):
    """Reverse each utterance of x (T, N, ...) within its own length; padding stays at the end."""
    xp = get_array_module(x)
    t = np.arange(x.shape[0])[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)  # (T, N)
    return x[xp.asarray(source), xp.arange(x.shape[1])]
