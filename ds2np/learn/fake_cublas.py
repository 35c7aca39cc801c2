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
        view = functools.partial(self._matrices, dtype, batch)
        A, B = view(a, lda, a_step, a_operation, m, k), view(b, ldb, b_step, b_operation, k, n)
        C = view(c, ldc, c_step, self.CUBLAS_OP_N, m, n)
        alpha, beta = (self._numbers(dtype, address, 1)[0] for address in (alpha, beta))
        C[...] = alpha * (A @ B) + (beta * C if beta else 0)  # what C holds may be nan
        count(name)

    def _matrices(self, dtype, batch, address, leading, step, operation, rows, columns):
        """Return matrices (batch, rows, columns), which lie in memory column by column."""
        if operation != self.CUBLAS_OP_N:
            stored = self._matrices(
                dtype, batch, address, leading, step, self.CUBLAS_OP_N, columns, rows
            )
            stored = stored.swapaxes(1, 2)
            return stored.conj() if operation == self.CUBLAS_OP_C else stored
        if leading < rows:
            raise ValueError(f"leading dimension is {leading}, expected at least {rows}")
        count, size = (batch - 1) * step + (columns - 1) * leading + rows, np.dtype(dtype).itemsize
        return np.lib.stride_tricks.as_strided(
            self._numbers(dtype, address, count),
            (batch, rows, columns),
            (size * step, size, size * leading),
        )

    def _numbers(self, dtype, address, count):
        size = count * np.dtype(dtype).itemsize
        return np.frombuffer((ctypes.c_byte * size).from_address(address), dtype)
