"""The arguments of CTC's functions: what is accepted, and the types they are computed in."""

import operator

import numpy as np

from ds2np.backend import get_array_module, to_cpu


def to_floats(name, values, shape):
    """Return an array of floats in the machine's byte order, on its device.

    Raises a ValueError for other types than float32 and float64, or if the number of axes is not
    that of `shape`, a tuple of letters such as ("N", "T", "V").
    """
    if get_array_module(values) is np:
        values = _to_numpy(name, values)
    floats = values.dtype.kind == "f" and values.dtype.itemsize in (4, 8)
    if not floats or values.ndim != len(shape):
        raise ValueError(
            f"{name}: expected float32 or float64 of shape ({', '.join(shape)}), "
            f"got {values.dtype} {values.shape}"
        )
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def to_integers(name, values, *shape):
    """Return an int64 array in main memory: sums of small types would wrap around.

    Raises a ValueError for other types than integers, or if the shape is wrong: each element of
    `shape` is a size, or a letter where any is allowed.
    """
    values = _to_numpy(name, values)
    fits = values.ndim == len(shape) and all(
        isinstance(need, str) or need == size
        for need, size in zip(shape, values.shape, strict=True)
    )
    if not fits or (values.size and values.dtype.kind not in "iu"):
        expected = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
        raise ValueError(
            f"{name}: expected integers of shape {expected}, got {values.dtype} {values.shape}"
        )
    return values.astype(np.int64)


def _to_numpy(name, values):
    try:
        return to_cpu(values)
    except ValueError:
        raise ValueError(f"{name}: expected an array, got rows of unequal length") from None


def check_batch(logits, labels, input_lengths, label_lengths, blank):
    """Check the arguments of `ctc_loss`; return them as arrays of the types it computes in.

    Raises a ValueError if types, shapes or lengths are wrong, or a label is the blank or no symbol.
    """
    logits = to_floats("logits", logits, ("N", "T", "V"))
    N, T, V = logits.shape
    labels = to_integers("labels", labels, N, "L")
    lengths = []
    for name, given, most in (
        ("input_lengths", input_lengths, T),
        ("label_lengths", label_lengths, labels.shape[1]),
    ):
        widened = to_integers(name, given, N)
        if N and not (widened.min() >= 0 and widened.max() <= most):
            raise ValueError(f"{name} are {widened.tolist()}, expected values from 0 to {most}")
        lengths.append(widened)
    return logits, labels, *lengths, check_labels(labels, lengths[1], V, blank)


def check_labels(labels, label_lengths, V, blank):
    """Check that labels (N, L) are symbols, and blank is another one; return blank as an int."""
    try:
        blank = operator.index(blank)
    except TypeError:
        raise ValueError(f"blank is {blank!r}, expected an integer") from None
    if not 0 <= blank < V:
        raise ValueError(f"blank is {blank}, expected a symbol from 0 to {V - 1}")
    real = np.arange(labels.shape[1]) < label_lengths[:, None]
    wrong = real & ((labels < 0) | (labels >= V) | (labels == blank))
    if wrong.any():
        n, place = np.argwhere(wrong)[0]
        raise ValueError(
            f"label {place} of utterance {n} is {labels[n, place]}, "
            f"expected a symbol from 0 to {V - 1} other than the blank, {blank}"
        )
    return blank
