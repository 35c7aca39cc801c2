"""Plausible mistakes in the exercises of chapter 02."""

import math

import numpy as np


def _out_length(length, kernel, stride, padding):
    return max((length + 2 * padding - kernel) // stride + 1, 0)


def _forward(x, W, stride, padding, window_of=None, W_of=None, pad=None):
    """Convolve over time, with one of the steps replaced."""
    K = len(W)
    T_out = _out_length(x.shape[1], K, stride, padding)
    padded = np.pad(x, ((0, 0), pad or (padding, padding), (0, 0)))
    weights = W_of(W) if W_of else W
    out = np.zeros((len(x), T_out, W.shape[2]))
    for t in range(T_out):
        start = window_of(t) if window_of else stride * t
        out[:, t] = np.tensordot(padded[:, start : start + K], weights, axes=((1, 2), (0, 1)))
    return out


def _rounded_length(x, W, stride, padding):
    out = _forward(x, W, stride, padding)
    return np.resize(out, (len(x), math.ceil(x.shape[1] / stride), W.shape[2]))


def _backward(dout, x, W, stride, padding, add=True, cut=True, mirrored=False, all_of_dW=True):
    """Compute the gradients of a convolution over time, with one of the steps wrong."""
    K = len(W)
    padded = np.pad(x, ((0, 0), (padding, padding), (0, 0)))
    dpadded, dW = np.zeros_like(padded), np.zeros_like(W)
    weights = W[::-1] if mirrored else W
    for t in range(dout.shape[1]):
        seen = slice(stride * t, stride * t + K)
        step = np.einsum("nkd,no->kdo", padded[:, seen], dout[:, t])
        dW = dW + step if all_of_dW else step
        back = np.einsum("no,kdo->nkd", dout[:, t], weights)
        dpadded[:, seen] = dpadded[:, seen] + back if add else back
    return (dpadded[:, padding : padding + x.shape[1]] if cut else dpadded), dW


def _field(kernels, strides, own_stride_first=False):
    frames, step = 1, 1
    for kernel, stride in zip(kernels, strides, strict=True):
        if own_stride_first:
            step *= stride
        frames += (kernel - 1) * step
        if not own_stride_first:
            step *= stride
    return frames, step


WRONG = {
    "02.1": {
        "counts steps and forgets the first window": (
            lambda length, kernel, stride, padding: np.maximum(
                (length + 2 * padding - kernel) // stride, 0
            )
        ),
        "pads one end only": (
            lambda length, kernel, stride, padding: np.maximum(
                (length + padding - kernel) // stride + 1, 0
            )
        ),
        "a negative number where nothing fits": (
            lambda length, kernel, stride, padding: (length + 2 * padding - kernel) // stride + 1
        ),
        "rounds up": (
            lambda length, kernel, stride, padding: np.maximum(
                np.ceil((length + 2 * padding - kernel) / stride).astype(int) + 1, 0
            )
        ),
        "cuts the fraction off, which rounds negative numbers up": (
            lambda length, kernel, stride, padding: np.maximum(
                np.trunc((length + 2 * padding - kernel) / stride).astype(int) + 1, 0
            )
        ),
        "works for a single length only": (
            lambda length, kernel, stride, padding: max(
                (length + 2 * padding - kernel) // stride + 1, 0
            )
        ),
    },
    "02.2": {
        "computes in float32 and returns float64": lambda x, W, stride=1, padding=0: _forward(
            x, W, stride, padding
        ),
        "turns the filters around": lambda *a: _forward(*a, W_of=lambda W: W[::-1]),
        "forgets the stride": lambda *a: _forward(*a, window_of=lambda t: t),
        "pads behind the end only": lambda x, W, s, p: _forward(x, W, s, p, pad=(0, 2 * p)),
        "expects ceil(T / stride) outputs in all cases": _rounded_length,
        "slides over the stride twice": lambda x, W, s, p: _forward(x, W, s, p)[:, ::s],
    },
    "02.3": {
        "adds the kernels and forgets the strides": (
            lambda kernels, strides: (1 + sum(k - 1 for k in kernels), math.prod(strides))
        ),
        "applies a layer's own stride to its own kernel": (
            lambda kernels, strides: _field(kernels, strides, own_stride_first=True)
        ),
        "multiplies the kernels": (
            lambda kernels, strides: (math.prod(kernels), math.prod(strides))
        ),
        "gives the field without the step": lambda kernels, strides: _field(kernels, strides)[0],
    },
    "02.4": {
        "overwrites where windows overlap": lambda *a: _backward(*a, add=False),
        "leaves the padding on": lambda *a: _backward(*a, cut=False),
        "turns the filters around": lambda *a: _backward(*a, mirrored=True),
        "keeps the last window's part of dW only": lambda *a: _backward(*a, all_of_dW=False),
        "gives dW first": lambda *a: _backward(*a)[::-1],
        "forgets to return": lambda *a: None,
    },
}
