"""Products of matrices in each precision, and those of a few rows with weights of 16 bits."""

from functools import partial

import cupy
import numpy as np
from timing import GPU, going_on, gpu_microseconds, median

from ds2np.kernels.products import TRAINING, product
from ds2np.kernels.small_product import MOST_ROWS, round_to_half, small_product

LARGE = 8192
# Inner and outer numbers of weights: those of paper-9-7, and of a gated layer.
WEIGHTS = (1280, 1280), (512, 1536)


def measure(tiny):
    """Print the rates of large products, and the microseconds of small ones."""
    for precision in TRAINING:
        with going_on(f"product in {precision}"):
            measure_large(precision, 128 if tiny else LARGE)
    for sizes in [(40, 24)] if tiny else WEIGHTS:
        with going_on(f"products of a few rows with {sizes}"):
            measure_small(*sizes, np.float32 if tiny else np.float16)


def measure_large(precision, size):
    """Print the rate of a large product, and its error relative to the norm of the result."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size), np.float32) for _ in range(2))
    on_gpu = GPU(a), GPU(b)
    rate = 2 * size**3 / median(partial(product, *on_gpu, precision)) / 1e9
    exact = a[:64].astype(np.float64) @ b.astype(np.float64)
    error = np.linalg.norm(product(*on_gpu, precision)[:64].get() - exact) / np.linalg.norm(exact)
    print(f"product in {precision}, {size} x {size}: {rate:.1f} TFLOP/s, error {error:.1e}")


def measure_small(D, H, dtype):
    """Print the times of one to eight rows, by the kernel and by cuBLAS, also in a dtype."""
    rng = np.random.default_rng(0)
    W = GPU(rng.standard_normal((D, H), np.float32))
    half = round_to_half(W, "W")
    for rows in range(1, MOST_ROWS + 1):
        x, out = cupy.ones((rows, D), np.float32), cupy.empty((1, rows, H), np.float32)
        rounded = GPU(np.ones((rows, D), dtype)), GPU(W.get().astype(dtype))
        steps = {
            "small_product": partial(small_product, x[None], half[None], out),
            "cuBLAS in float32": partial(cupy.matmul, x, W),
            f"cuBLAS in {dtype.__name__}": partial(cupy.matmul, *rounded),
        }
        times = [f"{name} {gpu_microseconds(step):.1f} us" for name, step in steps.items()]
        print(f"{rows} rows, weights {D} x {H}: {', '.join(times)}", flush=True)
