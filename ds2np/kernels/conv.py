"""Convolution on a GPU (chapter 12): 7 launches forward and 8 backward.

The steps are those of `ds2np.layers.conv`, without copies between them: own kernels turn the arrays
around, and cuBLAS takes conjugates and the transform's factor along with each product.
"""

import functools

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module, get_fft_module

THREADS = 256
TILE = 32  # as in phases.cu
STEP = 32  # frames
MATRICES = 65535  # that cuBLAS multiplies at once: a grid of CUDA has no more blocks along z


@functools.cache
def fast_frames(frames):
    """Return the next length for which cuFFT is fast, a multiple of `STEP`.

    cuFFT needs a plan for each length, so minibatches should have few different ones. It is fast
    if all prime factors are at most 7.
    """
    steps = -(-frames // STEP)
    while not _has_small_factors(steps):
        steps += 1
    return steps * STEP


def _has_small_factors(number):
    for prime in (2, 3, 5, 7):
        while number % prime == 0:
            number //= prime
    return number == 1


def convolve(x, W, stride, padding, shape, lengths):
    """Compute out (N, O, T_out, F_out) and the spectra of x and W, for the gradients.

    Parameters
    ----------
    x : array of shape (N, C, T, F)
    W : array of shape (O, C, KT, KF)
    stride, padding : tuple of two int
        Along time and frequency.
    shape : tuple of two int
        T_out and F_out, at least 1.
    lengths : tuple of two int
        Of the transforms; long enough that nothing wraps around.

    Returns
    -------
    out : array of shape (N, O, T_out, F_out)
    X, W_hat : arrays of shape (LT, LF // 2 + 1, N or O, st * sf * C)
    """
    X = _transform(to_phases(x, stride, padding, lengths))
    W_hat = _transform(to_phases(W, stride, (0, 0), lengths))
    out = _invert(_product(X, W_hat, lengths, adjoint="second"), lengths)  # X W^H
    return from_phases(out, (1, 1), (0, 0), (len(x), len(W), *shape)), X, W_hat


def convolve_backward(dout, X, W_hat, stride, padding, x_shape, W_shape, lengths, to_input=True):
    """Compute dx, or None, and dW from dout (N, O, T_out, F_out) and what `convolve` returned."""
    D, dx = _transform(to_phases(dout, (1, 1), (0, 0), lengths)), None
    if to_input:
        dx = from_phases(_invert(_product(D, W_hat, lengths), lengths), stride, padding, x_shape)
    dW = _invert(_product(D, X, lengths, adjoint="first"), lengths)  # D^H X
    return dx, from_phases(dW, stride, (0, 0), W_shape)


def to_phases(x, stride, padding, lengths):
    """Turn x (A, B, T, F) into phases (LT, LF, A, st * sf * B) by one launch."""
    xp = get_array_module(x)
    (A, B, _, _), (QT, QF) = x.shape, lengths
    phases = xp.empty((QT, QF, A, B * stride[0] * stride[1]), np.float32)
    blocks = QT * stride[0] * _tiles(QF * stride[1]) * _tiles(A * B)
    _launch("to_phases", blocks, xp.ascontiguousarray(x), phases, x.shape, lengths, stride, padding)
    return phases


def from_phases(phases, stride, padding, shape):
    """Turn phases (LT, LF, A, st * sf * B) back into x of a shape (A, B, T, F) by one launch."""
    A, B, T, F = shape
    x = get_array_module(phases).empty(shape, np.float32)
    blocks = T * _tiles(F) * _tiles(A * B)
    _launch("from_phases", blocks, phases, x, shape, phases.shape[:2], stride, padding)
    return x


def _tiles(size):
    return -(-size // TILE)


def _launch(name, blocks, source, target, shape, lengths, stride, padding):
    sizes = (np.int32(i) for i in (*shape, *lengths, *stride, *padding))
    kernel = kernels.load("phases").get_function(name)
    kernel((blocks,), (THREADS,), (source, target, *sizes), shared_mem=4 * TILE * (TILE + 1))


def _transform(x):
    return get_fft_module(x).rfft2(x, axes=(0, 1))


def _invert(X, lengths):
    """Invert `_transform` except for the factor, which `_product` has included; destroy X."""
    fft = get_fft_module(X)
    return fft.irfft2(X, s=lengths, axes=(0, 1), norm="forward", overwrite_x=True)


def _product(first, second, lengths, adjoint=""):
    """Multiply the matrices of all frequencies, one of them conjugated and transposed if named."""
    factor = 1 / (lengths[0] * lengths[1])
    if get_array_module(first) is np:
        first = first.conj().swapaxes(2, 3) if adjoint == "first" else first
        second = second.conj().swapaxes(2, 3) if adjoint == "second" else second
        return np.complex64(factor) * (first @ second)
    import cupy
    from cupy_backends.cuda.libs import cublas

    LT, K = first.shape[:2]
    of_first, of_second = first.shape[2:], second.shape[2:]
    rows, inner = of_first[::-1] if adjoint == "first" else of_first
    columns = of_second[0] if adjoint == "second" else of_second[1]
    out = cupy.empty((LT, K, rows, columns), np.complex64)
    # cuBLAS is column-major: it sees each matrix transposed, so the second factor comes first.
    operations = [
        cublas.CUBLAS_OP_C if adjoint == name else cublas.CUBLAS_OP_N
        for name in ("second", "first")
    ]
    one, zero = np.array([factor, 0], np.complex64)[:, None]
    first, second, products = (a.reshape(LT * K, *a.shape[2:]) for a in (first, second, out))
    for start in range(0, LT * K, MATRICES):
        a, b, c = (each[start : start + MATRICES] for each in (first, second, products))
        cublas.cgemmStridedBatched(
            *(cupy.cuda.device.get_cublas_handle(), *operations, columns, rows, inner),
            *(one.ctypes.data, b.data.ptr, of_second[1], of_second[0] * of_second[1]),
            *(a.data.ptr, of_first[1], of_first[0] * of_first[1]),
            *(zero.ctypes.data, c.data.ptr, columns, rows * columns, len(c)),
        )
    return out
