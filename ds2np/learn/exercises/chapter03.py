"""Exercises of chapter 03: batch normalisation for sequences."""

import numpy as np

from ds2np.layers import batchnorm, padding
from ds2np.learn.exercise import Exercise


def length_mask(lengths, T):
    """Compute the mask with the package's function."""
    return padding.length_mask(lengths, T, like=np.zeros(0))


def _without_padding(x, mask):
    real = mask[:, :, None] if x.ndim == 3 else mask[:, None, :, None]
    return np.where(real, x, 0)


def masked_mean_var(x, mask):
    """Compute mean and variance with the package's forward pass."""
    one = np.ones(x.shape[2] if x.ndim == 3 else x.shape[1])
    _, cache = batchnorm.seq_batchnorm_forward(_without_padding(x, mask), one, one, mask)
    return cache[:2]


def seq_batchnorm_backward(dout, x, gamma, mask):
    """Compute all gradients with the package's pair of functions."""
    x, dout = _without_padding(x, mask), _without_padding(dout, mask)
    _, cache = batchnorm.seq_batchnorm_forward(x, gamma, gamma, mask)
    dx, dgamma, dbeta = batchnorm.seq_batchnorm_backward(dout, cache)
    return dx + 0.0, dgamma, dbeta  # + 0.0 turns -0 into 0, for the messages


def _mask_cases(rng):
    return {
        "three utterances, one of full length": (np.array([4, 2, 3]), 4),
        "more columns than frames in the longest utterance": (np.array([1, 3]), 5),
        "an utterance without frames": (np.array([2, 0]), 3),
        "a single utterance": (np.array([3]), 3),
    }


def _batch(rng, lengths, T, shape, garbage=0.0):
    """Draw a minibatch; shape is (H,) or (C, F)."""
    time_last = rng.standard_normal((len(lengths), T, *shape)) * 2 + 1
    for i, length in enumerate(lengths):
        time_last[i, length:] = garbage
    return time_last if len(shape) == 1 else time_last.swapaxes(1, 2).copy()


def _mean_var_cases(rng):
    def case(lengths, T, shape, garbage=0.0, shift=0.0):
        x = _batch(rng, lengths, T, shape, garbage) + shift
        return x, length_mask(np.array(lengths), T)

    return {
        "(N, T, H), no padding": case([3, 3], 3, (2,)),
        "(N, T, H), zeros in the padding": case([4, 2], 4, (3,)),
        "(N, T, H), garbage in the padding": case([4, 1], 5, (2,), garbage=1e3),
        "(N, T, H), NaN in the padding": case([2, 3], 4, (2,), garbage=np.nan),
        "(N, C, T, F), no padding": case([3, 3], 3, (2, 4)),
        "(N, C, T, F), NaN in the padding": case([3, 1, 2], 4, (2, 3), garbage=np.nan),
        "as many channels as frames": case([3, 2], 3, (3, 3), garbage=7.0),
        "far from 0": case([4, 3], 4, (2,), shift=1e6),
        "an utterance without frames": case([0, 3], 3, (2,), garbage=5.0),
        "no real frames": case([0, 0], 2, (2,), garbage=5.0),
        "a single real frame": case([1, 0], 2, (2,), garbage=5.0),
        "infinities in the padding": case([1, 2], 3, (2, 2), garbage=np.inf),
        "very quiet": tuple(a * b for a, b in zip(case([2, 3], 3, (2,)), (1e-9, 1), strict=True)),
    }


def _backward_cases(rng):
    def case(lengths, T, H, garbage=0.0):
        x, dout = (_batch(rng, lengths, T, (H,), garbage) for _ in range(2))
        return dout, x, rng.standard_normal(H) + 2, length_mask(np.array(lengths), T)

    constant = case([3, 2], 3, 2)
    constant[1][..., 0] = 4.0
    return {
        "no padding": case([3, 3], 3, 2),
        "zeros in the padding": case([4, 2], 4, 3),
        "garbage in the padding": case([4, 1, 2], 5, 2, garbage=1e3),
        "NaN in the padding": case([2, 3], 4, 2, garbage=np.nan),
        "a single real frame": case([1], 2, 2),
        "a feature that never changes": constant,
        "an utterance without frames": case([0, 3], 3, 2, garbage=5.0),
        "infinities in the padding": case([1, 3], 4, 2, garbage=np.inf),
        "no real frames": case([0, 0], 2, 2, garbage=5.0),
    }


EXERCISES = (
    Exercise(
        "03.1",
        "length_mask",
        "mask of the real frames in a minibatch",
        length_mask,
        _mask_cases,
        package=padding.length_mask,
    ),
    Exercise(
        "03.2",
        "masked_mean_var",
        "mean and variance of the real frames, for features and for channels",
        masked_mean_var,
        _mean_var_cases,
        results=("mean", "variance"),
        package=batchnorm.seq_batchnorm_forward,
    ),
    Exercise(
        "03.3",
        "seq_batchnorm_backward",
        "all gradients of the normalisation, without the padding",
        seq_batchnorm_backward,
        _backward_cases,
        results=("dx", "dgamma", "dbeta"),
        package=batchnorm.seq_batchnorm_backward,
    ),
)
