"""Convolution over time and frequency, by the Fourier transform.

Paper, "Frequency Convolutions". A convolution is a product of spectra, so its cost hardly depends
on the size of the filter (41 x 11 in the paper). A stride s becomes s times as many channels: the
phases x[0::s], x[1::s], ... of the input, convolved with stride 1. Chapter 02 derives it.

The rounding errors of a transform are relative to the root mean square of all numbers in it, here
those of one utterance: in float32 about 2e-7 of that, also where the utterance is much quieter.
`spreads` decides where the transforms take float64 instead. Not on a GPU: the program would have to
wait for the answer, and frames cannot be scaled beforehand, since a filter adds neighbouring ones.
There, outputs are accurate to about 1e-6 of their utterance's root mean square, quiet or not.
"""

import functools
import math
import os

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module, get_fft_module, is_on_gpu
from ds2np.kernels.conv import convolve, convolve_backward, fast_frames
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.padding import check_batch, check_frames, widen_lengths, zero_padding
from ds2np.layers.streaming import TimeWindow

# How much quieter a frame may be than the whole before the transforms take float64. Its outputs
# keep an accuracy of 1e-5; its gradients, which are summed anyway, of 2e-3. In speech, the quietest
# frames have at least 1/5 of the whole's root mean square, their gradients 1/2000.
SPREAD, GRADIENT_SPREAD = 10, 1e4


def conv_out_length(length, kernel, stride, padding):
    """Return the number of outputs along one axis; `padding` zeros are added at either end."""
    return np.maximum((widen_lengths(length) + 2 * padding - kernel) // stride + 1, 0)


@functools.cache
def _fast_length(length):
    """Return the next length for which the FFT is fast."""
    import scipy.fft

    return scipy.fft.next_fast_len(length, real=True)


def _workers(fft):
    return {"workers": os.cpu_count()} if fft.__name__ == "scipy.fft" else {}


def _transform(x, lengths):
    """Return the spectrum (LT, LF // 2 + 1, ...) over the leading axes, zero-padded to lengths."""
    fft = get_fft_module(x)
    return fft.rfft2(x, s=lengths, axes=(0, 1), **_workers(fft))


def _invert(X, lengths):
    """Invert `_transform`."""
    fft = get_fft_module(X)
    return fft.irfft2(X, s=lengths, axes=(0, 1), **_workers(fft))


def _invert_taps(X, lengths, taps):
    """Invert `_transform` for the first taps of either axis only, by two matrix products."""
    # A filter is much shorter than the transform: cheaper than a full inverse and cropping.
    xp = get_array_module(X)
    (LT, LF), (QT, QF), K = lengths, taps, X.shape[1]
    # x_j = 1/M sum_m X_m exp(2 pi i m j / M), along either axis.
    over_t = np.exp(2j * np.pi * np.outer(np.arange(QT), np.arange(LT)) / LT) / LT
    over_f = np.exp(2j * np.pi * np.outer(np.arange(QF), np.arange(K)) / LF) / LF
    over_f[:, 1 : (LF + 1) // 2] *= 2  # the mirrored frequencies, which rfft leaves out
    over_t, over_f = (xp.asarray(m.astype(X.dtype)) for m in (over_t, over_f))
    rest = X.shape[2:]
    x = (over_t @ X.reshape(LT, -1)).reshape(QT, K, -1)
    x = over_f.real @ x.real - over_f.imag @ x.imag
    return x.reshape(QT, QF, *rest)


def _to_phases(x, stride, padding, shape):
    """Reshape (A, B, T, F) to phases (QT, QF, A, B * st * sf), with zeros around the data."""
    A, B, T, F = x.shape
    (st, sf), (pt, pf), (QT, QF) = stride, padding, shape
    padded = get_array_module(x).zeros((A, B, QT * st, QF * sf), x.dtype)
    padded[:, :, pt : pt + T, pf : pf + F] = x[:, :, : QT * st - pt, : QF * sf - pf]
    # t = st q + r: position q of phase r, and the same along frequency.
    phases = padded.reshape(A, B, QT, st, QF, sf).transpose(2, 4, 0, 1, 3, 5)
    return phases.reshape(QT, QF, A, B * st * sf)


def _from_phases(phases, stride, padding, shape):
    """Invert `_to_phases`: from (QT, QF, A, B * st * sf) to (A, B, T, F)."""
    QT, QF, A, _ = phases.shape
    (st, sf), (pt, pf), (T, F) = stride, padding, shape
    B = phases.shape[3] // (st * sf)
    padded = phases.reshape(QT, QF, A, B, st, sf).transpose(2, 3, 0, 4, 1, 5)
    inner = padded.reshape(A, B, QT * st, QF * sf)[:, :, pt : pt + T, pf : pf + F]
    x = get_array_module(phases).zeros((A, B, T, F), phases.dtype)
    x[:, :, : inner.shape[2], : inner.shape[3]] = inner  # no window may have reached the end of x
    return x


def spreads(x, spread):
    """Return whether float32 is too coarse for the transforms of x (N, C, T, F); never on a GPU.

    It is if, in any utterance, the root mean square of a frame or of a frequency is less than the
    whole's divided by `spread`. Frames and frequencies of zeros do not count: padding is no signal.
    """
    if is_on_gpu(x) or x.dtype == np.float64 or not x.size:
        return False
    power = np.einsum("nctf,nctf->ntf", x, x)
    for axis in (1, 2):
        lines = power.sum(axis=axis)  # (N, F), then (N, T)
        quietest = lines.min(axis=1, where=lines > 0, initial=np.inf)
        if (spread**2 * quietest < lines.mean(axis=1)).any():
            return True
    return False


def _transform_filters(W, stride, taps, lengths):
    """Return the conjugate spectrum (LT, LF // 2 + 1, O, C * st * sf) of filters (O, C, KT, KF)."""
    return _transform(_to_phases(W, stride, (0, 0), taps), lengths).conj()


def conv2d_forward(x, W, stride=(1, 1), padding=(0, 0)):
    """Compute out (N, O, T_out, F_out) from x (N, C, T, F) and W (O, C, KT, KF), with a cache.

    A cross-correlation, as usual in networks. Stride and padding are pairs: time, frequency. The
    paper writes filter sizes frequency first, "41x11".
    """
    xp, dtype, kernel = get_array_module(x), x.dtype, W.shape[2:]
    double = xp.float64 if spreads(x, SPREAD) else dtype
    outs = [
        int(conv_out_length(*of_axis))
        for of_axis in zip(x.shape[2:], kernel, stride, padding, strict=True)
    ]
    taps = [math.ceil(k / s) for k, s in zip(kernel, stride, strict=True)]  # of one phase's filter
    # Spectra multiply circularly: position t + k wraps around at the transform's length. The kept
    # outputs read up to (outs - 1) + (taps - 1), where dx ends, too: this length wraps nothing.
    LT, LF = (max(o, 1) + k - 1 for o, k in zip(outs, taps, strict=True))
    if kernels.support(x) and x.size and min(outs) > 0:
        lengths = fast_frames(LT), _fast_length(LF)
        out, X, W_hat = convolve(x, W, stride, padding, outs, lengths)
        return out, (X, W_hat, x.shape, W, stride, padding, taps, lengths)
    lengths = _fast_length(LT), _fast_length(LF)
    x_phases = _to_phases(x.astype(double, copy=False), stride, padding, lengths)
    X = _transform(x_phases, lengths)  # (LT, LF/2+1, N, C*st*sf)
    W_conj = _transform_filters(W.astype(double, copy=False), stride, taps, lengths)
    # out_t = sum_k W_k x_{t+k}, summed over channels and phases: at each frequency, a product
    # Out = X W_conj^T of (N, C*st*sf) by (C*st*sf, O).
    out = _invert(X @ W_conj.swapaxes(2, 3), lengths)[: outs[0], : outs[1]]  # (T_out, F_out, N, O)
    out = xp.ascontiguousarray(out.transpose(2, 3, 0, 1), dtype)
    return out, (X, W_conj, x.shape, W, stride, padding, taps, lengths)


def conv2d_backward(dout, cache):
    """Compute dx (N, C, T, F) and dW (O, C, KT, KF) from dout (N, O, T_out, F_out)."""
    X, W_conj, x_shape, W, stride, padding, taps, lengths = cache
    xp, dtype, W_shape = get_array_module(dout), dout.dtype, W.shape
    if kernels.support(dout) and dout.size:
        return convolve_backward(dout, X, W_conj, stride, padding, x_shape, W_shape, lengths)
    if X.dtype == xp.complex128 or spreads(dout, GRADIENT_SPREAD):
        dout = dout.astype(xp.float64, copy=False)
        if W_conj.dtype == xp.complex64:
            W_conj = _transform_filters(W.astype(xp.float64), stride, taps, lengths)
    D = _transform(dout.transpose(2, 3, 0, 1), lengths)  # (LT, LF/2+1, N, O)
    dX = _invert(D @ W_conj.conj(), lengths)  # dx_t = sum_k dout_{t-k} W_k: a convolution, D W
    dx = _from_phases(dX, stride, padding, x_shape[2:])
    # dW_k = sum_{n,t} dout_t x_{t+k}: a correlation again, D_conj^T X.
    dW = _invert_taps(D.conj().swapaxes(2, 3) @ X, lengths, taps)
    dW = _from_phases(dW, stride, (0, 0), W_shape[2:])
    dx, dW = (gradient.astype(dtype, copy=False) for gradient in (dx, dW))
    return dx, dW


def resolve_padding(padding, kernel):
    """Return the zeros at either end of an axis for "valid" padding (none) or "same".

    "same" gives ceil(size / stride) outputs and needs an odd kernel size.
    """
    if padding == "valid":
        return 0
    if padding != "same":
        raise ValueError(f'padding is {padding!r}, expected "same" or "valid"')
    if kernel % 2 == 0:
        raise ValueError(f'kernel size is {kernel}, expected an odd size for "same" padding')
    return kernel // 2


class Conv2D(Layer):
    """Convolution over time and frequency, without a bias: batch normalisation follows.

    Parameters
    ----------
    C, O : int
        Channels of the input and of the output.
    kernel, stride : tuple of two int
        Along time and frequency; the paper's 41x11 is (11, 41).
    rng : numpy.random.Generator
        Draws the initial weights (He normal initialisation).
    padding : {"same", "valid"}
    """

    time_axis = 2

    def __init__(self, C, O, kernel, stride, rng, padding="same", dtype=np.float32):  # noqa: E741
        super().__init__()
        check_sizes(C=C, O=O)
        for name, sizes in (("kernel", kernel), ("stride", stride)):
            if len(sizes) != 2:
                raise ValueError(f"{name} is {sizes!r}, expected two sizes: time, frequency")
            check_sizes(**{f"{name} over time": sizes[0], f"{name} over frequency": sizes[1]})
        self.C, self.kernel, self.stride = C, tuple(kernel), tuple(stride)
        self.padding = tuple(resolve_padding(padding, k) for k in kernel)
        scale = math.sqrt(2 / (C * kernel[0] * kernel[1]))
        self.add_param("W", (scale * rng.standard_normal((O, C, *kernel))).astype(dtype))

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", self.C, "T", "F"), self.params["W"].dtype)
        x = zero_padding(x, lengths, time_axis=2)
        out, cache = conv2d_forward(x, self.params["W"], self.stride, self.padding)
        self._cache = cache, lengths
        return zero_padding(out, self.out_lengths(lengths), time_axis=2, in_place=True)

    def backward(self, dout):
        cache, lengths = self.take_cache(dout)
        dx, dW = conv2d_backward(zero_padding(dout, self.out_lengths(lengths), time_axis=2), cache)
        self.grads["W"] += dW
        return zero_padding(dx, lengths, time_axis=2, in_place=True)

    def forward_chunk(self, x, state, last):
        check_frames(x, ("N", self.C, "T", "F"), self.params["W"].dtype)
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
