"""Rates of memory and matrix products, and the cost of a call."""

from functools import partial

import cupy
import numpy as np
from cupy_backends.cuda.libs import cublas
from timing import GPU, going_on, gpu_microseconds, host_microseconds, median

from ds2np.backend import one_blas_thread

# Of a step of a recurrent layer: utterances, hidden units, and hidden units times gates.
RECURRENT_SHAPES = ((64, 256, 768), (64, 512, 1536), (64, 1280, 1280), (16, 512, 1536))


def measure(tiny):
    """Print all rates and costs."""
    with going_on("memory"):
        measure_memory(2**12 if tiny else 2**28)
    for dtype in (np.float32,) if tiny else (np.float32, np.float16):
        with going_on(f"product of {dtype.__name__}"):
            measure_product(dtype, 128 if tiny else 8192)
    print("products of a recurrent layer, both directions: (2, N, H) @ (2, H, G)")
    for shape in [(4, 8, 24)] if tiny else RECURRENT_SHAPES:
        with going_on(f"recurrent product {shape}"):
            measure_recurrent_product(*shape)
    with going_on("calls"):
        measure_calls()


def measure_memory(size):
    """Print the memory rates of a copy and of a sum."""
    x = cupy.ones((256, size // 256), np.float32)
    y, rows = cupy.empty_like(x), x.reshape(-1, 1024)
    steps = {
        "copying, read and written": (partial(cupy.copyto, y, x), 2),
        "sum over the leading axis of (256, numbers)": (partial(x.sum, axis=0), 1),
        "sum over the rows of (rows, 1024), as of batch norm": (partial(rows.sum, axis=0), 1),
        "sum over the columns of (rows, 1024)": (partial(rows.sum, axis=1), 1),
    }
    for name, (step, passes) in steps.items():
        print(f"{name}: {passes * x.nbytes / median(step) / 1e9:.2f} TB/s", flush=True)


def measure_product(dtype, size):
    """Print the rate of large matrix products."""
    rate = product_rate(dtype, size)
    print(f"product of {dtype.__name__}, {size} x {size}: {rate:.1f} TFLOP/s", flush=True)


def product_rate(dtype, size):
    """Measure the rate of large matrix products, in TFLOP/s: the ceiling of a training step."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32).astype(dtype) for _ in range(2))
    return 2 * size**3 / median(partial(cupy.matmul, GPU(a), GPU(b))) / 1e9


def measure_recurrent_product(N, H, G):
    """Print the cost of U h in a step, by CuPy's matmul and by cuBLAS directly."""
    state, U = cupy.ones((2, N, H), np.float32), cupy.ones((2, H, G), np.float32)
    out = cupy.empty((2, N, G), np.float32)
    handle = cupy.cuda.device.get_cublas_handle()
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    # cuBLAS is column-major: it sees the arrays transposed.
    given = (
        *(handle, cublas.CUBLAS_OP_N, cublas.CUBLAS_OP_N, G, N, H, one.ctypes.data),
        *(U.data.ptr, G, H * G, state.data.ptr, H, N * H, zero.ctypes.data),
        *(out.data.ptr, G, N * G, 2),
    )
    steps = {
        "matmul": partial(cupy.matmul, state, U, out=out),
        "cuBLAS": partial(cublas.sgemmStridedBatched, *given),
    }
    costs = [
        f"{name} {gpu_microseconds(step):.1f} us on the GPU, {host_microseconds(step):.1f} us of "
        f"the host"
        for name, step in steps.items()
    ]
    print(f"  N {N} H {H} G {G}: {'; '.join(costs)}", flush=True)


def measure_calls():
    """Print the host's time for a call on small arrays."""
    a, b, c = (cupy.ones((2, 4, 8), np.float32) for _ in range(3))
    frames = cupy.zeros((2, 5, 4, 8), np.float32)
    nothing = cupy.RawKernel(
        'extern "C" __global__ void nothing(float* x, int n) { if (n) x[0] = 1; }', "nothing"
    )
    add = cupy.ElementwiseKernel("T x, T y", "T z", "z = x + y", "add_two")

    def blas():
        with one_blas_thread():
            pass

    calls = {
        "add(a, b, out=c)": partial(cupy.add, a, b, out=c),
        "frames[:, 3] = a": partial(frames.__setitem__, (slice(None), 3), a),
        "frames[1, 3:] = 0": partial(frames.__setitem__, (1, slice(3, None)), 0),
        "ElementwiseKernel": partial(add, a, b, c),
        "RawKernel": partial(nothing, (1,), (32,), (c, np.int32(0))),
        "asarray(64 ints)": partial(cupy.asarray, np.arange(64)),
        "sum(axis=(0, 1))": partial(a.sum, axis=(0, 1)),
        "one_blas_thread()": blas,
    }
    for name, call in calls.items():
        print(f"host's time, {name:<20} {host_microseconds(call):6.1f} us", flush=True)
    print(f"float(sum), which waits: {1000 * median(lambda: float(a.sum())):.1f} us")
