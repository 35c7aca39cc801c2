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

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module, get_fft_module, is_on_gpu, one_blas_thread
from ds2np.kernels.conv import convolve, convolve_backward, fast_frames
from ds2np.layers.base import Layer, check_sizes
from ds2np.layers.padding import check_batch, check_frames, widen_lengths, zero_padding
from ds2np.layers.parts import map_parts
from ds2np.layers.streaming import TimeWindow
from ds2np.machine import spare_threads

# How much quieter a frame may be than the whole before the transforms take float64. Its outputs
# keep an accuracy of 1e-5; its gradients, which are summed anyway, of 2e-3. In speech, the quietest
# frames have at least 1/5 of the whole's root mean square, their gradients 1/2000.
SPREAD, GRADIENT_SPREAD = 10, 1e4
FREQUENCIES, FRAMES = 24, 8  # that are multiplied, or turned around, at a time


def conv_out_length(length, kernel, stride, padding):
    """Return the number of outputs along one axis; `padding` zeros are added at either end."""
    return np.maximum((widen_lengths(length) + 2 * padding - kernel) // stride + 1, 0)


@functools.cache
def _fast_length(length):
    """Return the next length for which the FFT is fast."""
    import scipy.fft

    return scipy.fft.next_fast_len(length, real=True)


def _workers(fft):
    return {"workers": spare_threads()} if fft.__name__ == "scipy.fft" else {}


def _transform(x):
    """Return the spectrum (LT, LF // 2 + 1, ...) of x (LT, LF, ...) over the leading axes."""
    fft = get_fft_module(x)
    return fft.rfft2(x, axes=(0, 1), **_workers(fft))


def _invert(X, lengths):
    """Invert `_transform`."""
    fft = get_fft_module(X)
    return fft.irfft2(X, s=lengths, axes=(0, 1), **_workers(fft))


def _taps_of_phase(W, stride):
    """Return along time and frequency how many taps of filters (O, C, KT, KF) a phase has."""
    return [math.ceil(k / s) for k, s in zip(W.shape[2:], stride, strict=True)]


class _Filters:
    """Filters (O, C, KT, KF) and their spectra, of which only some frequencies are there at a time.

    A filter is much shorter than the transform. Two matrix products with the few waves that its
    taps need, one along either axis, cost less than a transform of zeros, or one of which only the
    taps are kept. The spectra would be many times as large as the filters.
    """

    def __init__(self, W, stride, lengths, dtype):
        self.xp, self.W, self.stride = get_array_module(W), W, stride
        self.dtype = np.result_type(dtype, np.complex64)
        self.taps = _taps_of_phase(W, stride)
        (QT, QF), (LT, LF) = self.taps, lengths
        self.over_t = self._waves(LT, LT, QT)
        self.over_f = self._waves(LF // 2 + 1, LF, QF)
        phases = _to_phases(W, stride, (0, 0), self.taps, dtype)  # (QT, QF, O, st * sf * C)
        self.shape, phases = phases.shape[2:], phases.reshape(QT, QF, -1)
        self.half = self.over_f @ phases  # over frequency: (QT, LF / 2 + 1, O * st * sf * C)

    def _waves(self, frequencies, length, taps):
        """Return exp(2 pi i m j / length) for frequencies m and taps j."""
        waves = np.exp(2j * np.pi * np.outer(np.arange(frequencies), np.arange(taps)) / length)
        return self.xp.asarray(waves.astype(self.dtype))

    def conjugate_spectrum(self, part):
        """Return the conjugates of the filters' `_transform` for a part of the frequencies."""
        # W*_m = sum_j w_j exp(2 pi i m j / L), along either axis.
        spectrum = self.over_t[part] @ self.half.reshape(len(self.half), -1)
        return spectrum.reshape(-1, *self.half.shape[1:2], *self.shape)

    def invert_over_time(self, spectrum, part):
        """Return the share of some frequencies in the sum over time of `invert`."""
        return self.over_t[part].T @ spectrum.reshape(len(spectrum), -1)

    def invert(self, over_time, lengths):
        """Return filters (O, C, KT, KF) from the sum of what `invert_over_time` returned."""
        # w_j = 1/L sum_m W_m exp(2 pi i m j / L), along either axis.
        LT, LF = lengths
        waves = self.over_f.T / (LT * LF)
        waves[:, 1 : (LF + 1) // 2] *= 2  # the mirrored frequencies, which rfft leaves out
        half = over_time.reshape(self.half.shape)
        taps = waves.real @ half.real - waves.imag @ half.imag
        phases = taps.reshape(*self.taps, *self.shape)
        return _from_phases(phases, self.stride, (0, 0), self.W.shape[2:])


def _turn(x, stride, shape):
    """Return a view (QT, QF, A, st, sf, B) of x (A, B, QT * st, QF * sf)."""
    (st, sf), (QT, QF) = stride, shape
    # t = st q + r: position q of phase r, and the same along frequency.
    return x.reshape(*x.shape[:2], QT, st, QF, sf).transpose(2, 4, 0, 3, 5, 1)


def _for_frequencies(multiply, X):
    """Return multiply(part) for parts of the frequencies (LT, ...) of X."""
    with one_blas_thread():
        return map_parts(multiply, X, FREQUENCIES)


def _copy(target, source):
    """Copy an array with another order in memory, some frames at a time."""

    def copy(part):
        target[part] = source[part]

    map_parts(copy, target, FRAMES)


def _to_phases(x, stride, padding, shape, dtype=None):
    """Turn (A, B, T, F) into phases (QT, QF, A, st * sf * B), with zeros around the data."""
    A, B, T, F = x.shape
    (st, sf), (pt, pf), (QT, QF) = stride, padding, shape
    xp, dtype = get_array_module(x), dtype or x.dtype
    padded = xp.zeros((A, B, QT * st, QF * sf), dtype)
    padded[:, :, pt : pt + T, pf : pf + F] = x[:, :, : QT * st - pt, : QF * sf - pf]
    phases = xp.empty((QT, QF, A, st, sf, B), dtype)
    _copy(phases, _turn(padded, stride, shape))
    return phases.reshape(QT, QF, A, st * sf * B)


def _from_phases(phases, stride, padding, shape, dtype=None):
    """Invert `_to_phases`: from (QT, QF, A, st * sf * B) to (A, B, T, F)."""
    QT, QF, A, _ = phases.shape
    (st, sf), (pt, pf), (T, F) = stride, padding, shape
    B = phases.shape[3] // (st * sf)
    xp, dtype = get_array_module(phases), dtype or phases.dtype
    padded = xp.empty((A, B, QT * st, QF * sf), dtype)
    _copy(_turn(padded, stride, (QT, QF)), phases.reshape(QT, QF, A, st, sf, B))
    inner = padded[:, :, pt : pt + T, pf : pf + F]
    if inner.shape[2:] == (T, F):
        return inner
    x = xp.zeros((A, B, T, F), dtype)
    x[:, :, : inner.shape[2], : inner.shape[3]] = inner  # no window reached the end of x
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
    taps = _taps_of_phase(W, stride)
    # Spectra multiply circularly: position t + k wraps around at the transform's length. The kept
    # outputs read up to (outs - 1) + (taps - 1), where dx ends, too: this length wraps nothing.
    LT, LF = (max(o, 1) + k - 1 for o, k in zip(outs, taps, strict=True))
    if kernels.support(x) and x.size and min(outs) > 0:
        lengths = fast_frames(LT), _fast_length(LF)
        out, *spectra = convolve(x, W, stride, padding, outs, lengths)
        return out, (spectra, x.shape, W, stride, padding, lengths)
    lengths = _fast_length(LT), _fast_length(LF)
    X = _transform(_to_phases(x, stride, padding, lengths, double))  # (LT, LF/2+1, N, st*sf*C)
    filters = _Filters(W, stride, lengths, double)
    Out = xp.empty((*X.shape[:3], len(W)), X.dtype)

    def multiply(part):
        # out_t = sum_k W_k x_{t+k}, summed over channels and phases: at each frequency, a product
        # Out = X W_conj^T of (N, st*sf*C) by (st*sf*C, O).
        W_conj = filters.conjugate_spectrum(part)
        xp.matmul(X[part], W_conj.swapaxes(2, 3), out=Out[part])

    _for_frequencies(multiply, X)
    out = _invert(Out, lengths)[: outs[0], : outs[1]]  # (T_out, F_out, N, O)
    return _from_phases(out, (1, 1), (0, 0), outs, dtype), (X, x.shape, W, stride, padding, lengths)


def conv2d_backward(dout, cache, to_input=True):
    """Compute dx (N, C, T, F) and dW (O, C, KT, KF) from dout (N, O, T_out, F_out).

    With to_input=False, dx is None, and its product and transform are left out.
    """
    X, x_shape, W, stride, padding, lengths = cache
    if kernels.support(dout) and dout.size:
        return convolve_backward(dout, *X, stride, padding, x_shape, W.shape, lengths, to_input)
    xp, dtype = get_array_module(dout), dout.dtype
    double = xp.float64 if spreads(dout, GRADIENT_SPREAD) else X.real.dtype
    D = _transform(_to_phases(dout, (1, 1), (0, 0), lengths, double))  # (LT, LF/2+1, N, O)
    filters = _Filters(W, stride, lengths, double)
    dX = xp.empty(X.shape, D.dtype) if to_input else None

    def multiply(part):
        if to_input:  # dx_t = sum_k dout_{t-k} W_k: a convolution, D W.
            xp.matmul(D[part], filters.conjugate_spectrum(part).conj(), out=dX[part])
        # dW_k = sum_{n,t} dout_t x_{t+k}: a correlation again, D_conj^T X.
        return filters.invert_over_time(D[part].conj().swapaxes(2, 3) @ X[part], part)

    dW, dx = filters.invert(sum(_for_frequencies(multiply, X)), lengths), None
    if to_input:
        dx = _from_phases(_invert(dX, lengths), stride, padding, x_shape[2:], dtype)
    return dx, dW.astype(dtype, copy=False)


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

    def backward_params(self, dout):
        cache, lengths = self.take_cache(dout)
        dout = zero_padding(dout, self.out_lengths(lengths), time_axis=2)
        self.grads["W"] += conv2d_backward(dout, cache, to_input=False)[1]

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
