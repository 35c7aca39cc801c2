"""Exercises of chapter 02: convolution over time and frequency."""

import numpy as np

from ds2np.layers import conv, conv1d
from ds2np.learn.exercise import Exercise


def _filter_over_time(x, W, stride=1, padding=0):
    return conv1d.conv1d_forward(x, W, stride, padding)[0]


def _gradients_over_time(dout, x, W, stride=1, padding=0):
    return conv1d.conv1d_backward(dout, conv1d.conv1d_forward(x, W, stride, padding)[1])


def _field_from_above(kernels, strides):
    """Follow the first and last frame that one output sees down through the stack."""
    first, last, step = 0, 0, 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        first, last, step = first * stride, last * stride + kernel - 1, step * stride
    return last - first + 1, step


def _lengths(rng):
    return {
        "10 frames, filter of 5, stride 1, padding 2": (10, 5, 1, 2),
        "a stride that does not divide: 7 frames, filter of 3, stride 2, padding 1": (7, 3, 2, 1),
        "frames left over at the end: 12 frames, filter of 4, stride 3, padding 0": (12, 4, 3, 0),
        "5 frames, a filter of 11, no padding": (5, 11, 1, 0),
        "one frame too short: 4 frames, filter of 5, stride 2, padding 0": (4, 5, 2, 0),
        "one length for each utterance": (np.array([50, 33, 1, 0]), 11, 2, 5),
    }


# Name of the case: N, T, D, K, O, stride, padding.
_SIZES = {
    "one utterance, one feature, one filter": (1, 6, 1, 3, 1, 1, 0),
    "2 features, 3 filters": (1, 6, 2, 3, 3, 1, 0),
    "2 utterances, padding 1": (2, 6, 2, 3, 3, 1, 1),
    "stride 2, padding 2": (2, 9, 2, 5, 3, 2, 2),
    "stride 3 leaves frames over that no window reaches": (2, 8, 3, 3, 2, 3, 0),
    "stride 3, greater than the filter of 2": (2, 9, 2, 2, 2, 3, 0),
    "a single frame, filter of 3, padding 1": (2, 1, 2, 3, 2, 1, 1),
}


def _forward_cases(rng):
    cases = {
        name: (rng.standard_normal((N, T, D)), rng.standard_normal((K, D, O)), stride, padding)
        for name, (N, T, D, K, O, stride, padding) in _SIZES.items()  # noqa: E741
    }
    x, W, *_ = cases["2 features, 3 filters"]
    cases["no stride and no padding given"] = x, W
    cases["float32"] = x.astype(np.float32), W.astype(np.float32)
    return cases


def _backward_cases(rng):
    cases = {}
    for name, arguments in _forward_cases(rng).items():
        out = _filter_over_time(*arguments)
        cases[name] = (rng.standard_normal(out.shape).astype(out.dtype), *arguments)
    return cases


def _stacks(rng):
    return {
        "one layer of 3": ((3,), (1,)),
        "two layers of 3, stride 1": ((3, 3), (1, 1)),
        "the network's two layers of 11, strides 2 and 1": ((11, 11), (2, 1)),
        "the same strides in reverse order": ((11, 11), (1, 2)),
        "three layers, kernels 5, 3, 7, strides 2, 3, 2": ((5, 3, 7), (2, 3, 2)),
        "no layers": ((), ()),
        "four layers, drawn at random": (
            tuple(rng.integers(1, 9, 4).tolist()),
            tuple(rng.integers(1, 4, 4).tolist()),
        ),
    }


EXERCISES = (
    Exercise(
        "02.1", "conv_out_length", "output length of a convolution", conv.conv_out_length, _lengths
    ),
    Exercise(
        "02.2",
        "conv1d_forward",
        "convolution over time, with stride",
        _filter_over_time,
        _forward_cases,
        same_dtype=True,
        package=conv1d.conv1d_forward,
    ),
    Exercise(
        "02.3", "receptive_field", "receptive field and step of a stack", _field_from_above, _stacks
    ),
    Exercise(
        "02.4",
        "conv1d_backward",
        "gradients of a 1D convolution",
        _gradients_over_time,
        _backward_cases,
        results=("dx", "dW"),
        package=conv1d.conv1d_backward,
    ),
)
