"""Batched matrix products at addresses, as cuBLAS has them, computed by NumPy for the fake GPU."""

import ctypes
import functools
import types

import numpy as np

DTYPES = {"s": np.float32, "d": np.float64, "c": np.complex64, "z": np.complex128}


class Cublas(types.ModuleType):
    """A replacement for the module ``cupy_backends.cuda.libs.cublas``.

    Parameters
    ----------
    count : callable
        Told the name of each function called.
    """

    CUBLAS_OP_N, CUBLAS_OP_T, CUBLAS_OP_C = range(3)

    def __init__(self, count):
        super().__init__("cublas")
        for letter, dtype in DTYPES.items():
            name = f"{letter}gemmStridedBatched"
            setattr(self, name, functools.partial(self._multiply, count, name, dtype))

    def _multiply(self, count, name, dtype, handle, *given):
        """Compute C = alpha A B + beta C for each of a batch; arguments in the order of cuBLAS."""
        a_operation, b_operation, m, n, k, alpha, a, lda, a_step, b, ldb, b_step, *rest = given
        beta, c, ldc, c_step, batch = rest
        A = matrices_at(a, dtype, (batch, m, k), lda, a_step, a_operation)
        B = matrices_at(b, dtype, (batch, k, n), ldb, b_step, b_operation)
        C = matrices_at(c, dtype, (batch, m, n), ldc, c_step)
        alpha, beta = (numbers_at(address, dtype, 1)[0] for address in (alpha, beta))
        C[...] = alpha * (A @ B) + (beta * C if beta else 0)  # what C holds may be nan
        count(name)


def numbers_at(address, dtype, count):
    """Return a view of so many numbers in memory."""
    size = count * np.dtype(dtype).itemsize
    return np.frombuffer((ctypes.c_byte * size).from_address(address), dtype)


def matrices_at(address, dtype, shape, leading, step=0, operation=Cublas.CUBLAS_OP_N):
    """Return a view of matrices (batch, rows, columns), which lie in memory column by column.

    `leading` is the distance from one column to the next, `step` from one matrix to the next. An
    operation transposes what is there; conjugates are copies.
    """
    batch, rows, columns = shape
    if operation != Cublas.CUBLAS_OP_N:
        stored = matrices_at(address, dtype, (batch, columns, rows), leading, step).swapaxes(1, 2)
        return stored.conj() if operation == Cublas.CUBLAS_OP_C else stored
    if leading < rows:
        raise ValueError(f"leading dimension is {leading}, expected at least {rows}")
    count, size = (batch - 1) * step + (columns - 1) * leading + rows, np.dtype(dtype).itemsize
    return np.lib.stride_tricks.as_strided(
        numbers_at(address, dtype, count), shape, (size * step, size, size * leading)
    )
