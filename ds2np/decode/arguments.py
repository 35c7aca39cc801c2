"""Checks of what a beam decoder gets: its options, and log-probabilities."""

import math
from numbers import Real

import numpy as np

from ds2np.backend import to_cpu
from ds2np.errors import UserError, check_whole
from ds2np.layers.padding import check_frames, widen_lengths

SUM_ERROR = 1e-2  # half precision and thousands of symbols


def check_whole_option(name, value):
    """Raise a UserError unless an option is a whole number from 1 on."""
    try:
        check_whole(name, value)
    except ValueError as error:
        raise UserError(str(error)) from None


def check_number(name, value, low=-math.inf, high=math.inf):
    """Raise a UserError unless an option is a finite number from low to high."""
    if not isinstance(value, Real) or not math.isfinite(value) or not low <= value <= high:
        allowed = "a finite number" if high == math.inf else f"a number from {low:g} to {high:g}"
        raise UserError(f"{name} is {value!r}, expected {allowed}")


def check_batch(log_probs, lengths, V):
    """Raise a ValueError unless a batch (N, T, V) and its lengths fit; return the lengths."""
    check_frames(log_probs, ("N", "T", V))
    N, T, _ = log_probs.shape
    lengths = widen_lengths(lengths)
    if lengths.shape != (N,) or ((lengths < 0) | (lengths > T)).any():
        raise ValueError(f"lengths are {lengths.tolist()}, expected {N} values from 0 to {T}")
    return lengths


def read_log_probs(log_probs, lengths, V):
    """Check a batch (N, T, V) and its lengths; return both as NumPy arrays.

    Shapes that do not fit are a ValueError, numbers that are no log-probabilities a UserError.
    """
    lengths = check_batch(log_probs, lengths, V)
    log_probs = to_cpu(log_probs)
    real = np.arange(log_probs.shape[1]) < lengths[:, None]
    with np.errstate(over="ignore", invalid="ignore"):
        sums = np.exp(log_probs).sum(axis=2)
    wrong = np.argwhere(real & ~(np.abs(sums - 1) <= SUM_ERROR))
    if len(wrong):
        n, t = wrong[0]
        if np.isnan(log_probs[n, t]).any():
            raise UserError(f"frame {t} of utterance {n} holds NaN, expected log-probabilities")
        raise UserError(
            f"frame {t} of utterance {n} has probabilities that sum to {sums[n, t]:.4g}, "
            "expected 1: natural log-probabilities, not logits"
        )
    return log_probs, lengths


def check_piece(log_probs, V):
    """Raise a ValueError unless the log-probabilities of some frames are (T, V)."""
    shape = getattr(log_probs, "shape", ())
    if len(shape) != 2:
        raise ValueError(f"a piece has shape {shape}, expected (T, {V})")
