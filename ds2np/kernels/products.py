"""Products of matrices on a GPU in a chosen precision.

========  ==========================================================================================
float32   cuBLAS's product of float32 numbers: the default and the reference
tf32      the factors rounded to 11 bits on their way into the tensor cores; errors of about 1e-3
bf16x3    each factor split into two bfloat16 numbers, three products of them; errors of about 1e-5
half      for inference: float32, with weights rounded to float16; a few rows are multiplied by
          `small_product`, which reads half the bytes
========  ==========================================================================================

Convolutions by the Fourier transform are not matrix products of this kind: they stay in float32.
Sums are in float32 everywhere, and so is all that stands between two products: weights, gradients,
batch statistics. Training in float16 has to scale the loss, lest small gradients become 0; here
nothing needs that, since bfloat16 and TF32 have the exponents of float32.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module
from ds2np.errors import UserError
from ds2np.kernels.small_product import small_product

ON_TENSOR_CORES = ("tf32", "bf16x3")
TRAINING = ("float32", *ON_TENSOR_CORES)
PRECISIONS = (*TRAINING, "half")
THREADS = 256
PIECE = 4 * THREADS  # as in split.cu
TENSOR_CORES = 80  # compute capability, times ten, of the first GPUs that know TF32 and bfloat16


def check_precision(precision, x):
    """Raise a UserError unless products with an array x can be computed in this precision."""
    if precision not in PRECISIONS:
        raise UserError(f"no precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    if precision == "float32":
        return
    if not kernels.support(x):
        raise UserError(
            f"precision {precision} needs a GPU; on the CPU, products are in float32 (--device cpu)"
        )
    found = kernels.capability(x)
    if precision in ON_TENSOR_CORES and found < TENSOR_CORES:
        raise UserError(
            f"precision {precision} needs a GPU of compute capability 8.0 or later, "
            f"this one has {found / 10}"
        )


def product(a, b, precision="float32", out=None):
    """Multiply two matrices (M, K) and (K, N), contiguous or transposes of contiguous ones.

    The precision matters for arrays of float32 on a GPU only. b may be contiguous weights of
    float16, for a few rows; see `small_product`.
    """
    xp = get_array_module(a)
    if b.dtype == np.float16:
        out = xp.empty((1, len(a), b.shape[1]), a.dtype)
        return small_product(xp.ascontiguousarray(a)[None], b[None], out)[0]
    if precision not in ON_TENSOR_CORES or not kernels.support(a) or 0 in (*a.shape, *b.shape):
        return xp.matmul(a, b, out=out)
    if out is None:
        out = xp.empty((len(a), b.shape[1]), np.float32)
    if precision == "tf32":
        return _multiply(a, b, out)
    (a_high, a_low), (b_high, b_low) = split(a), split(b)
    _multiply(a_low, b_high, out)  # the small ones first: they lose nothing to a large sum
    _multiply(a_high, b_low, out, add=True)
    return _multiply(a_high, b_high, out, add=True)


def split(x):
    """Split a matrix of float32 into two of bfloat16, x = high + low; they are held as uint16.

    The order in memory stays that of x. Numbers too large for bfloat16 become infinite, those below
    the normal numbers 0.
    """
    if not x.flags.c_contiguous:
        high, low = split(x.T)
        return high.T, low.T
    xp = get_array_module(x)
    high, low = xp.empty(x.shape, np.uint16), xp.empty(x.shape, np.uint16)
    given = x, high, low, np.int32(x.size)
    kernels.load("split").get_function("split")((-(-x.size // PIECE),), (THREADS,), given)
    return high, low


def _multiply(a, b, out, add=False):
    """Compute out = a b, or add it, on tensor cores: TF32 of float32 factors, or bfloat16."""
    xp = get_array_module(a)
    if xp is np:
        with np.errstate(invalid="ignore"):  # as a GPU, which warns of nothing
            return np.add(_widened(a) @ _widened(b), out if add else 0, out=out)
    from cupy_backends.cuda.api import runtime
    from cupy_backends.cuda.libs import cublas

    kind, compute = runtime.CUDA_R_32F, cublas.CUBLAS_COMPUTE_32F_FAST_TF32
    if a.dtype == np.uint16:
        kind, compute = runtime.CUDA_R_16BF, cublas.CUBLAS_COMPUTE_32F
    one, before = np.ones(1, np.float32), np.full(1, add, np.float32)
    (M, K), N = a.shape, b.shape[1]
    # cuBLAS counts columns first, and sees the transpose of each matrix: out^T = b^T a^T.
    cublas.gemmEx(
        *(xp.cuda.device.get_cublas_handle(), _turned(b), _turned(a), N, M, K, one.ctypes.data),
        *(b.data.ptr, kind, _leading(b), a.data.ptr, kind, _leading(a)),
        *(before.ctypes.data, out.data.ptr, runtime.CUDA_R_32F, N),
        *(compute, cublas.CUBLAS_GEMM_DEFAULT),
    )
    return out


def _turned(x):
    """Return whether a matrix is the transpose of a contiguous one."""
    return int(not x.flags.c_contiguous)


def _leading(x):
    """Return the length of a contiguous line of a matrix."""
    return x.shape[0] if _turned(x) else x.shape[1]


def _widened(x):
    """Return a matrix as float32, also if it holds the bits of bfloat16."""
    return x if x.dtype == np.float32 else (x.astype(np.uint32) << 16).view(np.float32)
