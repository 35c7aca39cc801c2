"""A fake cuBLAS with one function, gemmEx, on raw memory; its GPU is main memory.

`test_products.py` holds it against CuPy's, where that is installed.
"""

import ctypes
import sys
import types

import numpy as np

from ds2np.kernels import products

CUDA_R_32F, CUDA_R_16BF = 0, 14
CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32 = 68, 77
CUBLAS_GEMM_DEFAULT = -1
HANDLE = 16


class Array(np.ndarray):
    """Memory of a GPU, as far as products use it."""

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self.ctypes.data)


def to_array(x):
    return np.array(x, order="K").view(Array)


def round_to(x, bits):
    """Round floats to so many significant bits."""
    significand, exponent = np.frexp(x)
    return np.ldexp(np.round(significand * 2**bits), exponent - bits)


def _read(pointer, kind, turned, rows, columns, leading, tf32):
    """Return a matrix, columns first in memory, in float64; as it is multiplied."""
    if turned:
        return _read(pointer, kind, 0, columns, rows, leading, tf32).T
    assert leading >= max(rows, 1)
    size = (columns - 1) * leading + rows  # the last column may end early
    memory = np.empty((columns, leading), np.uint32)
    flat = memory.reshape(-1)[:size]
    if kind == CUDA_R_32F:
        flat[:] = np.frombuffer(ctypes.string_at(pointer, 4 * size), np.uint32)
    else:
        assert kind == CUDA_R_16BF
        flat[:] = np.frombuffer(ctypes.string_at(pointer, 2 * size), np.uint16)
        flat <<= 16
    x = memory.view(np.float32)[:, :rows].T.astype(np.float64)
    return round_to(x, 11) if tf32 else x


def gemmEx(
    handle,
    transa,
    transb,
    m,
    n,
    k,
    alpha,
    A,
    Atype,
    lda,
    B,
    Btype,
    ldb,
    beta,
    C,
    Ctype,
    ldc,
    computeType,
    algo,
):
    """Compute C = alpha A B + beta C, all columns first; sums in float64, rounded once."""
    assert (handle, algo, Ctype, Atype) == (HANDLE, CUBLAS_GEMM_DEFAULT, CUDA_R_32F, Btype)
    tf32 = computeType == CUBLAS_COMPUTE_32F_FAST_TF32
    assert tf32 or computeType == CUBLAS_COMPUTE_32F
    assert tf32 == (Atype == CUDA_R_32F)
    assert ldc >= m
    a = _read(A, Atype, transa, m, k, lda, tf32)
    b = _read(B, Btype, transb, k, n, ldb, tf32)
    size = (n - 1) * ldc + m
    C = np.frombuffer((ctypes.c_float * size).from_address(C), np.float32)
    C = np.lib.stride_tricks.as_strided(C, (m, n), (4, 4 * ldc))
    alpha, beta = (ctypes.c_float.from_address(pointer).value for pointer in (alpha, beta))
    with np.errstate(invalid="ignore", over="ignore"):  # a GPU does not warn
        C[...] = alpha * (a @ b) + (beta * C if beta else 0)


def use(monkeypatch):
    """Let products be computed by the fake, on `Array`s."""
    fake = sys.modules[__name__]
    names = "cupy_backends", "cupy_backends.cuda"
    modules = {name: types.ModuleType(name) for name in names}
    for kind, name in (("api", "runtime"), ("libs", "cublas")):
        package = types.ModuleType(f"cupy_backends.cuda.{kind}")
        setattr(package, name, fake)
        modules[package.__name__] = package
        modules[f"{package.__name__}.{name}"] = fake
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    device = types.SimpleNamespace(get_cublas_handle=lambda: HANDLE)
    xp = types.SimpleNamespace(
        empty=lambda shape, dtype: np.empty(shape, dtype).view(Array),
        matmul=np.matmul,
        cuda=types.SimpleNamespace(device=device),
    )
    monkeypatch.setattr(products, "get_array_module", lambda x: xp)
