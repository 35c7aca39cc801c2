"""Products on tensor cores: the registers of a warp as NVIDIA documents them, and split numbers."""

import functools

import numpy as np
import pytest
from helpers.host_kernels import in_every_order

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels.host import ORDERS, HostModule, why_not_on_host

if why_not_on_host():
    pytest.skip(f"no kernels on the host: {why_not_on_host()}", allow_module_level=True)

KERNELS = """
extern "C" __global__ void product(const unsigned* a, const unsigned* b, float* c)
{
    const int lane = threadIdx.x;
    float sum[4];
    unsigned of_a[4];
    for (int i = 0; i < 4; ++i) sum[i] = c[lane * 4 + i], of_a[i] = a[lane * 4 + i];
    mma(sum, of_a, b[lane * 2], b[lane * 2 + 1]);
    for (int i = 0; i < 4; ++i) c[lane * 4 + i] = sum[i];
}

extern "C" __global__ void parts(const float* x, unsigned* high, unsigned* low)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    split(x[2 * i], x[2 * i + 1], high[i], low[i]);
}
"""


SOURCE = (kernels.FOLDER / "tensor_cores.cuh").read_text(encoding="utf-8") + KERNELS


@functools.cache
def on_host():
    return HostModule(SOURCE)


def launch(name, blocks, arrays, order="forward"):
    """Launch a kernel on the GPU if the arrays are there, or else on the host."""
    if isinstance(arrays[0], np.ndarray):
        module = on_host()
        module.order = ORDERS.index(order)
    else:
        import cupy

        module = cupy.RawModule(code=SOURCE)
    module.get_function(name)((blocks,), (32,), tuple(arrays))


# "Matrix Fragments for mma.m16n8k16" of the PTX manual: the place of a lane's i-th number
def place_of_a(lane, i):
    row = lane >> 2 if 0 <= i < 2 or 4 <= i < 6 else (lane >> 2) + 8
    return row, lane % 4 * 2 + (i & 1) + (8 if i >= 4 else 0)


def place_of_b(lane, i):
    return lane % 4 * 2 + (i & 1) + (8 if i >= 2 else 0), lane >> 2


def place_of_c(lane, i):
    return lane >> 2 if i < 2 else (lane >> 2) + 8, lane % 4 * 2 + (i & 1)


def spread(matrix, place, count):
    return np.array([[matrix[place(lane, i)] for i in range(count)] for lane in range(32)])


def to_bf16(x):
    """Return numbers that bf16 has, near x, and their bits."""
    bits = x.astype(np.float32).view(np.uint32) >> 16
    return (bits << 16).view(np.float32), bits.astype(np.uint16)


@in_every_order
def test_a_product_of_matrices(to, order, rng):
    (a, a_bits), (b, b_bits) = (to_bf16(rng.standard_normal(s)) for s in ((16, 16), (16, 8)))
    c = rng.standard_normal((16, 8)).astype(np.float32)
    of_c = to(spread(c, place_of_c, 4))
    # the first number of a register in its lower half
    of_a = to(spread(a_bits, place_of_a, 8).view(np.uint32))
    of_b = to(spread(b_bits, place_of_b, 4).view(np.uint32))
    launch("product", 1, (of_a, of_b, of_c), order)
    right = spread(a.astype(np.float64) @ b + c, place_of_c, 4)
    np.testing.assert_allclose(to_cpu(of_c), right, atol=1e-5)


def test_a_number_is_the_sum_of_its_parts(to, rng):
    x = (rng.standard_normal(4096) * 10.0 ** rng.integers(-20, 20, 4096)).astype(np.float32)
    x[:8] = 0, -0.0, 1, 1 + 2**-8, 1 + 3 * 2**-8, -1 - 2**-8, 2 - 2**-9, 1 + 2**-23
    high, low = (to(np.zeros(2048, np.uint32)) for _ in range(2))
    launch("parts", 64, (to(x), high, low))
    high, low = (
        (to_cpu(p).view(np.uint16).astype(np.uint32) << 16).view(np.float32) for p in (high, low)
    )
    assert (np.abs(high - x) <= 2.0**-8 * np.abs(x)).all()
    assert (np.abs(high.astype(np.float64) + low - x) <= 2.0**-16 * np.abs(x)).all()
    np.testing.assert_array_equal(high[2:7], [1, 1, 1 + 2**-6, -1, 2])  # ties to even
