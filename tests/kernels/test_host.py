"""The host's CUDA: orders of threads, barriers, blocks that wait for each other, refusals."""

import numpy as np
import pytest

from ds2np.kernels.host import ORDERS, HostModule, why_not_on_host

pytestmark = pytest.mark.skipif(
    bool(why_not_on_host()), reason=f"no kernels on the host: {why_not_on_host()}"
)

NEIGHBOUR = """
extern "C" __global__ void neighbour(const float* x, float* out)
{
    extern __shared__ float shared[];
    const int i = threadIdx.x, next = (i + 1) % blockDim.x;
    shared[i] = x[i];
    BARRIER
    out[i] = shared[next];
}
"""


def run_neighbour(barrier, order):
    x, out = np.arange(64, dtype=np.float32), np.zeros(64, np.float32)
    module = HostModule(NEIGHBOUR.replace("BARRIER", barrier), order=order)
    module.get_function("neighbour")((1,), (64,), (x, out), shared_mem=4 * 64)
    return np.array_equal(out, np.roll(x, -1))


def test_a_race_shows_in_one_of_the_orders():
    assert all(run_neighbour("__syncthreads();", order) for order in ORDERS)
    assert not all(run_neighbour("", order) for order in ORDERS)


@pytest.mark.parametrize("order", ORDERS)
def test_a_barrier_for_some_threads_only_is_a_hang(order):
    with pytest.raises(RuntimeError, match="neighbour hangs: not all threads"):
        run_neighbour("if (i < 7) __syncthreads();", order)


@pytest.mark.parametrize("order", ORDERS)
def test_a_warp_exchanges_numbers(order):
    source = """
    extern "C" __global__ void swap(const float* x, float* out, double* first)
    {
        const int i = threadIdx.x;
        out[i] = __shfl_xor_sync(0xffffffffu, x[i], 1);
        __syncwarp();
        first[i] = __shfl_sync(0xffffffffu, (double)x[i], 32);
    }
    """
    x, out, first = np.arange(64, dtype=np.float32), np.zeros(64, np.float32), np.zeros(64)
    HostModule(source, order=order).get_function("swap")((1,), (64,), (x, out, first))
    np.testing.assert_array_equal(out, x.reshape(-1, 2)[:, ::-1].ravel())
    np.testing.assert_array_equal(first, np.repeat([0.0, 32.0], 32))


WAIT = """
extern "C" __global__ void __launch_bounds__(32, 1) meet(unsigned* arrived, int* seen, unsigned all)
{
    if (threadIdx.x == 0) {
        atomicAdd(arrived, 1u);
        while (*(volatile unsigned*)arrived < all) __nanosleep(10);
    }
    __syncthreads();
    if (threadIdx.x == 0) seen[blockIdx.x] = *(volatile unsigned*)arrived;
}
"""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cooperative", [True, False])
def test_blocks_may_wait_for_each_other_in_a_cooperative_launch(order, cooperative):
    arrived, seen = np.zeros(1, np.uint32), np.zeros(5, np.int32)
    module = HostModule(WAIT, cooperative=cooperative, order=order)
    meet = module.get_function("meet")
    if cooperative:
        meet((5,), (32,), (arrived, seen, np.uint32(5)))
        np.testing.assert_array_equal(seen, 5)
    else:
        with pytest.raises(RuntimeError, match="meet hangs"):
            meet((5,), (32,), (arrived, seen, np.uint32(5)))


@pytest.mark.parametrize(
    ("arguments", "launch", "error", "message"),
    [
        ((np.zeros(2), np.int32(1)), {}, TypeError, r"is float64, expected a contiguous float\*"),
        ((np.zeros(2, "f"), 1), {}, TypeError, "1 is not an np.int32, the int of a kernel"),
        ((np.zeros((2, 2), "f")[:, 0], np.int32(1)), {}, TypeError, "expected a contiguous"),
        ((np.zeros(2, "f"), np.int32(1)), {"block": (33,)}, ValueError, "a multiple of 32"),
        ((np.zeros(2, "f"), np.int32(1)), {"block": (2048,)}, ValueError, "up to 1024"),
        ((np.zeros(2, "f"), np.int32(1)), {"shared_mem": 49153}, ValueError, "at most 49152"),
    ],
)
def test_what_a_gpu_would_not_notice_is_refused(arguments, launch, error, message):
    module = HostModule('extern "C" __global__ void none(float* x, int n) {}')
    launch = {"grid": (1,), "block": (32,), **launch}
    with pytest.raises(error, match=message):
        module.get_function("none")(args=arguments, **launch)


def test_more_shared_memory_has_to_be_asked_for():
    kernel = HostModule('extern "C" __global__ void none(int n) {}').get_function("none")
    kernel.max_dynamic_shared_size_bytes = 100 * 1024
    kernel((1,), (32,), (np.int32(0),), shared_mem=100 * 1024)
    kernel.max_dynamic_shared_size_bytes = 1 << 20
    with pytest.raises(ValueError, match="at most 232448"):
        kernel((1,), (32,), (np.int32(0),), shared_mem=(1 << 20) - 1)


def test_macros_are_defined():
    out = np.zeros(1, np.int32)
    module = HostModule(
        'extern "C" __global__ void set(int* out) { if (!threadIdx.x) *out = SIZE; }',
        defines={"SIZE": 7},
    )
    module.get_function("set")((1,), (32,), (out,))
    assert out[0] == 7


MEMORY = """
extern "C" __global__ void look(float *first, float* second, unsigned int index)
{
    __shared__ float fixed[32];
    float local[4];
    const int i = threadIdx.x;
    first[blockIdx.x * 32 + i] = fixed[(i + index) % 64];
    fixed[i] = i;
    second[blockIdx.x * 32 + i] = local[i % 4];  /* a comment
    of two lines */
}
"""


@pytest.mark.parametrize("byte", [0xFF, 0x7F])
def test_memory_that_nobody_has_written_is_filled_for_each_block(byte):
    module = HostModule(MEMORY, bounds=True)
    assert module.kernels == {"look": ["float*", "float*", "unsigned"]}
    module.fill = byte
    first, second = np.zeros((2, 64), np.float32)
    module.get_function("look")((2,), (32,), (first, second, np.uint32(0)))
    assert (first.view(np.uint8).reshape(2, 32, 4)[:, 0] == byte).all()  # before another thread
    assert (second.view(np.uint8) == byte).all()


def test_an_index_beyond_shared_memory_is_named_with_its_line():
    kernel = HostModule(MEMORY, bounds=True).get_function("look")
    first, second = np.zeros((2, 64), np.float32)
    with pytest.raises(IndexError, match=r"line 7: index 32 of 'float \[32\]'"):
        kernel((2,), (32,), (first, second, np.uint32(1)))


def test_blocks_that_run_together_cannot_share_a_fixed_size():
    with pytest.raises(ValueError, match="cannot have shared memory of a fixed size"):
        HostModule(MEMORY, cooperative=True)


def test_lanes_beyond_the_warp_and_numbers_of_two_types(capsys):
    source = """
    extern "C" __global__ void shift(const float* x, float* down, float* up, float* larger)
    {
        const int i = threadIdx.x;
        down[i] = __shfl_down_sync(0xffffffffu, x[i], 5);
        up[i] = __shfl_up_sync(0xffffffffu, x[i], 5);
        larger[i] = max(min(x[i], 40.0), 3);
        if (i == warpSize) printf("%d %s", i, "is first");
    }
    """
    x = np.arange(64, dtype=np.float32)
    x[9] = np.nan
    down, up, larger = np.zeros((3, 64), np.float32)
    HostModule(source).get_function("shift")((1,), (64,), (x, down, up, larger))
    lane = np.arange(64)
    np.testing.assert_array_equal(down, x[np.where(lane % 32 + 5 < 32, lane + 5, lane)])
    np.testing.assert_array_equal(up, x[np.where(lane % 32 >= 5, lane - 5, lane)])
    np.testing.assert_array_equal(larger, np.fmax(np.fmin(x, 40), 3))
    assert capsys.readouterr().out == "32 is first"
