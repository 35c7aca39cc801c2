"""A fake cuBLAS with one function, gemmEx, on raw memory; its GPU is main memory.

`test_products.py` holds it against CuPy's, where that is installed.
"""

import sys
import types

import numpy as np
import pytest

from ds2np.kernels import products
from ds2np.learn.fake_cublas import matrices_at, numbers_at

CUDA_R_32F, CUDA_R_16BF = 0, 14
CUBLAS_COMPUTE_32F, CUBLAS_COMPUTE_32F_FAST_TF32 = 68, 77
CUBLAS_GEMM_DEFAULT = -1
HANDLE = 16


class Array(np.ndarray):
    """Memory of a GPU, as far as products use it."""

    @property
    def data(self):
        return types.SimpleNamespace(ptr=self.ctypes.data)


def round_to(x, bits):
    """Round floats to so many significant bits."""
    significand, exponent = np.frexp(x)
    return np.ldexp(np.round(significand * 2**bits), exponent - bits)


def _read(address, kind, turned, rows, columns, leading, tf32):
    """Return a matrix, columns first in memory, in float64; as it is multiplied."""
    assert kind in (CUDA_R_32F, CUDA_R_16BF)
    assert leading >= max(columns if turned else rows, 1)
    dtype = np.float32 if kind == CUDA_R_32F else np.uint16
    x = matrices_at(address, dtype, (1, rows, columns), leading, operation=turned)[0]
    if kind == CUDA_R_16BF:
        x = (x.astype(np.uint32) << 16).view(np.float32)
    x = x.astype(np.float64)
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
    C = matrices_at(C, np.float32, (1, m, n), ldc)[0]
    alpha, beta = (numbers_at(address, np.float32, 1)[0] for address in (alpha, beta))
    with np.errstate(invalid="ignore", over="ignore"):  # a GPU does not warn
        C[...] = alpha * (a @ b) + (beta * C if beta else 0)


def use(monkeypatch):
    """Let products of arrays in main memory be computed by the fake."""
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
    cuda = types.SimpleNamespace(device=device)
    xp = types.SimpleNamespace(empty=np.empty, matmul=np.matmul, cuda=cuda)
    monkeypatch.setattr(products, "get_array_module", lambda x: xp)
    original = products._multiply

    def multiply(a, b, out, add=False):
        original(a.view(Array), b.view(Array), out.view(Array), add)
        return out

    monkeypatch.setattr(products, "_multiply", multiply)


def complete(monkeypatch):
    """Let this GPU multiply bfloat16 numbers; skip the test where it cannot.

    A pretended one has its memory in main memory, where the fake reads it, and may lack just this.
    """
    import cupy
    from cupy_backends.cuda.libs import cublas

    x, out = cupy.full(8, 0x3F80, np.uint16), cupy.zeros(1, np.float32)
    one, handle = np.ones(1, np.float32).ctypes.data, cupy.cuda.device.get_cublas_handle()
    x, y = x.data.ptr, out.data.ptr
    cublas.gemmEx(handle, 0, 0, 1, 1, 1, one, x, 14, 1, x, 14, 1, one, y, 0, 1, 68, -1)
    if float(out[0]) == 1:
        return
    pytest.importorskip("fakegpu", reason="this GPU does not multiply bfloat16 numbers")
    real = cublas.gemmEx

    def multiply(handle, *arguments):
        if arguments[7] == CUDA_R_16BF:
            return gemmEx(HANDLE, *arguments)
        return real(handle, *arguments)

    monkeypatch.setattr(cublas, "gemmEx", multiply)
