"""Convolution over time and frequency, by the Fourier transform.

A convolution is a product of spectra, so its cost no longer grows with the size of the filter: the
paper's filters of 41 x 11 and 21 x 11 become many times cheaper than in the literal form. A stride
is folded in beforehand: a convolution of stride s is one of stride 1 over the s phases
x[0::s], x[1::s], ... of the input, taken as s times as many channels.
"""

import functools
import math
import os

import numpy as np

from ds2np.backend import get_array_module, get_fft_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding
from ds2np.layers.streaming import TimeWindow


def conv_out_length(length, kernel, stride, padding):
    """Count the outputs of a convolution along one axis.

    Parameters
    ----------
    length : int or ndarray of int
        Inputs along the axis.
    kernel, stride, padding : int
        Size of the filter, step, and zeros added at either end.

    Returns
    -------
    int or ndarray of int
    """
    length = np.asarray(length, np.int64)  # unsigned numbers would turn negative ones around
    return np.maximum((length + 2 * padding - kernel) // stride + 1, 0)


@functools.cache
def _fast_length(length):
    """Return the next length of which the FFT is fast."""
    import scipy.fft

    return scipy.fft.next_fast_len(length, real=True)


def _workers(fft):
    return {"workers": os.cpu_count()} if fft.__name__ == "scipy.fft" else {}


def _transform(x, lengths):
    """Fourier-transform the two leading axes, zero-padded to lengths: (LT, LF/2 + 1, ...)."""
    fft = get_fft_module(x)
    return fft.rfft2(x, s=lengths, axes=(0, 1), **_workers(fft))


def _invert(X, lengths):
    """Undo `_transform`."""
    fft = get_fft_module(X)
    return fft.irfft2(X, s=lengths, axes=(0, 1), **_workers(fft))


def _invert_taps(X, lengths, taps):
    """Undo `_transform` at the first taps of either axis only, by two matrix products.

    A filter is much shorter than the transform, so this is cheaper than inverting and cropping.
    """
    xp = get_array_module(X)
    (LT, LF), (QT, QF), K = lengths, taps, X.shape[1]
    over_t = np.exp(2j * np.pi * np.outer(np.arange(QT), np.arange(LT)) / LT) / LT
    over_f = np.exp(2j * np.pi * np.outer(np.arange(QF), np.arange(K)) / LF) / LF
    over_f[:, 1 : (LF + 1) // 2] *= 2  # these frequencies stand for their mirror images, too
    over_t, over_f = (xp.asarray(m.astype(X.dtype)) for m in (over_t, over_f))
    rest = X.shape[2:]
    x = (over_t @ X.reshape(LT, -1)).reshape(QT, K, -1)
    x = over_f.real @ x.real - over_f.imag @ x.imag
    return x.reshape(QT, QF, *rest)


def _to_phases(x, stride, padding, shape):
    """Split the two last axes into phases and bring them to the front.

    (A, B, T, F) becomes (shape[0], shape[1], A, B * st * sf), with zeros around the data.
    """
    A, B, T, F = x.shape
    (st, sf), (pt, pf), (QT, QF) = stride, padding, shape
    padded = get_array_module(x).zeros((A, B, QT * st, QF * sf), x.dtype)
    padded[:, :, pt : pt + T, pf : pf + F] = x[:, :, : QT * st - pt, : QF * sf - pf]
    phases = padded.reshape(A, B, QT, st, QF, sf).transpose(2, 4, 0, 1, 3, 5)
    return phases.reshape(QT, QF, A, B * st * sf)


def _from_phases(phases, stride, padding, shape):
    """Undo `_to_phases`: put (QT, QF, A, B * st * sf) together to (A, B, T, F)."""
    QT, QF, A, _ = phases.shape
    (st, sf), (pt, pf), (T, F) = stride, padding, shape
    B = phases.shape[3] // (st * sf)
    padded = phases.reshape(QT, QF, A, B, st, sf).transpose(2, 3, 0, 4, 1, 5)
    inner = padded.reshape(A, B, QT * st, QF * sf)[:, :, pt : pt + T, pf : pf + F]
    x = get_array_module(phases).zeros((A, B, T, F), phases.dtype)
    x[:, :, : inner.shape[2], : inner.shape[3]] = inner  # no window may have reached the end
    return x


def conv2d_forward(x, W, stride=(1, 1), padding=(0, 0)):
    """Slide filters over time and frequency (cross-correlation, as networks have it).

    Parameters
    ----------
    x : ndarray of shape (N, C, T, F)
    W : ndarray of shape (O, C, KT, KF)
        O filters; the paper writes their size frequency first, "41x11".
    stride, padding : tuple of two int
        Along time and frequency.

    Returns
    -------
    out : ndarray of shape (N, O, T_out, F_out)
    cache : tuple
        For `conv2d_backward`.
    """
    kernel = W.shape[2:]
    outs = [
        int(conv_out_length(*of_axis))
        for of_axis in zip(x.shape[2:], kernel, stride, padding, strict=True)
    ]
    taps = [math.ceil(k / s) for k, s in zip(kernel, stride, strict=True)]  # of one phase's filter
    # A circular convolution of this length wraps nothing around into the outputs that are kept.
    lengths = tuple(_fast_length(max(o, 1) + k - 1) for o, k in zip(outs, taps, strict=True))
    X = _transform(_to_phases(x, stride, padding, lengths), lengths)  # (LT, LF/2+1, N, C*st*sf)
    W_conj = _transform(_to_phases(W, stride, (0, 0), taps), lengths).conj()  # (LT, LF/2+1, O, ...)
    out = _invert(X @ W_conj.swapaxes(2, 3), lengths)[: outs[0], : outs[1]]  # (T_out, F_out, N, O)
    out = get_array_module(x).ascontiguousarray(out.transpose(2, 3, 0, 1))
    return out, (X, W_conj, x.shape, W.shape, stride, padding, taps, lengths)


def conv2d_backward(dout, cache):
    """Compute the gradients of `conv2d_forward`.

    Parameters
    ----------
    dout : ndarray of shape (N, O, T_out, F_out)
    cache : tuple

    Returns
    -------
    dx : ndarray of shape (N, C, T, F)
    dW : ndarray of shape (O, C, KT, KF)
    """
    X, W_conj, x_shape, W_shape, stride, padding, taps, lengths = cache
    D = _transform(dout.transpose(2, 3, 0, 1), lengths)  # (LT, LF/2+1, N, O)
    dX = _invert(D @ W_conj.conj(), lengths)
    dx = _from_phases(dX, stride, padding, x_shape[2:])
    dW = _invert_taps(D.conj().swapaxes(2, 3) @ X, lengths, taps)
    return dx, _from_phases(dW, stride, (0, 0), W_shape[2:])


def resolve_padding(padding, kernel):
    """Turn "same" or "valid" into the number of zeros at either end of one axis.

    Parameters
    ----------
    padding : {"same", "valid"}
        "same" gives ceil(size / stride) outputs and needs a filter of odd size; "valid" adds no
        zeros.
    kernel : int

    Returns
    -------
    int
    """
    if padding == "valid":
        return 0
    if padding != "same":
        raise ValueError(f'padding is {padding!r}; it has to be "same" or "valid"')
    if kernel % 2 == 0:
        raise ValueError(f'a filter of size {kernel} has no middle; "same" padding needs odd sizes')
    return kernel // 2


class Conv2D(Layer):
    """Convolve over time and frequency.

    Paper, "Frequency Convolutions". There is no bias: batch normalisation follows and shifts for
    itself.

    Parameters
    ----------
    C, O : int
        Channels of the input and of the output.
    kernel : tuple of two int
        Size of the filters along time and frequency; the paper's 41x11 is (11, 41).
    stride : tuple of two int
        Along time and frequency.
    rng : numpy.random.Generator
        Draws the initial weights (He and others' normal distribution).
    padding : {"same", "valid"}
    dtype : dtype
    """

    time_axis = 2

    def __init__(self, C, O, kernel, stride, rng, padding="same", dtype=np.float32):  # noqa: E741
        super().__init__()
        self.C, self.kernel, self.stride = C, tuple(kernel), tuple(stride)
        self.padding = tuple(resolve_padding(padding, k) for k in kernel)
        scale = math.sqrt(2 / (C * kernel[0] * kernel[1]))
        self.add_param("W", (scale * rng.standard_normal((O, C, *kernel))).astype(dtype))

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", self.C, "T", "F"), self.params["W"].dtype)
        x = zero_padding(x, lengths, time_axis=2)
        out, cache = conv2d_forward(x, self.params["W"], self.stride, self.padding)
        self._cache = cache, lengths
        return zero_padding(out, self.out_lengths(lengths), time_axis=2, in_place=True)

    def backward(self, dout):
        cache, lengths = self.take_cache()
        dx, dW = conv2d_backward(zero_padding(dout, self.out_lengths(lengths), time_axis=2), cache)
        self.grads["W"] += dW
        return zero_padding(dx, lengths, time_axis=2, in_place=True)

    def forward_chunk(self, x, state, last):
        window = TimeWindow(
            self.kernel[0], self.stride[0], self.padding[0], self.padding[0], time_axis=2
        )
        x, state = window.push(x, state, last)
        out, _ = conv2d_forward(x, self.params["W"], self.stride, (0, self.padding[1]))
        return out, state

    def out_lengths(self, lengths):
        return conv_out_length(lengths, self.kernel[0], self.stride[0], self.padding[0])

    def out_shape(self, shape):
        F = conv_out_length(shape[1], self.kernel[1], self.stride[1], self.padding[1])
        return (len(self.params["W"]), int(F))

    def multiply_adds(self, shape):
        return self.params["W"].size * self.out_shape(shape)[1]

    @property
    def reach(self):
        return self.kernel[0]
