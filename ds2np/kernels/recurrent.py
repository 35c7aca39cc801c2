"""The loop over time of recurrent layers on a GPU: a whole layer in one launch, or frame by frame.

`ds2np.layers.recurrent` has the same for arrays, where every frame takes about 20 operations, and a
GPU waits for the program most of the time. The persistent kernels keep the recurrent weights in the
registers of the GPU; where these are too few, a product and a kernel for each frame remain.
"""

import functools
from dataclasses import dataclass

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module
from ds2np.kernels.padding import lengths_beside
from ds2np.kernels.products import ON_TENSOR_CORES, TENSOR_CORES, product
from ds2np.kernels.small_product import small_product

THREADS = 256  # of a block that computes each number once
# A block of 16 warps leaves 128 registers to a thread, one of 8 warps 255: so many hold weights.
REGISTERS = {16: 96, 8: 192}
# On tensor cores there are 8 warps, of which a thread has 160 registers with two bf16 each.
TENSOR_WARPS, TENSOR_REGISTERS = 8, 160
FREE = 4  # multiprocessors left to other kernels, such as an all-reduce, if that costs no group


@dataclass(frozen=True)
class Plan:
    """A persistent launch.

    Attributes
    ----------
    warps : int
        Of a block; also the number of utterances that it multiplies at a time.
    utterances : int
        Of a group, whose blocks wait for each other.
    blocks : int
    forward_bytes, backward_bytes : int
        Shared memory of a block.
    tensor : bool
        On tensor cores, with three products of bf16 numbers for one.
    """

    warps: int
    utterances: int
    blocks: int
    forward_bytes: int
    backward_bytes: int
    tensor: bool = False


@dataclass(frozen=True)
class Recurrence:
    """A recurrence that `recurrent_forward` has run; what the backward pass needs.

    frames (N,) and all others are arrays on the GPU; h (B, T + 1, N, H) holds the states before the
    first frame and after each one, in the order of the recurrence.
    """

    U: np.ndarray
    frames: np.ndarray
    h: np.ndarray
    kept: np.ndarray
    from_zeros: bool
    clipped: np.int32
    inputs: int
    concatenate: bool
    plan: Plan | None


def plan_persistent(H, gates, B, N, multiprocessors, shared_bytes, precision="float32"):
    """Plan a persistent launch for a GPU; None if the weights do not fit onto its multiprocessors.

    shared_bytes is the shared memory that a block may ask for. With "tf32" or "bf16x3", on tensor
    cores if the weights fit there.
    """
    blocks = -(-H // 32)  # of a group
    units = blocks * B  # blocks of a group, in all directions
    groups = max((multiprocessors - FREE) // units, multiprocessors // units > 0)
    if not groups:
        return None
    utterances = -(-N // groups)
    if precision in ON_TENSOR_CORES:
        rows = -(-utterances // TENSOR_WARPS) * TENSOR_WARPS
        forward = _tensor_bytes(2 * gates, 2 * blocks)
        backward = _tensor_bytes(2, 2 * gates * blocks) + 4 * rows * 32
        if max(forward, backward) <= shared_bytes:
            return Plan(TENSOR_WARPS, rows, -(-N // rows) * units, forward, backward, tensor=True)
    for warps, registers in REGISTERS.items():
        of_state, of_gates = _slice(H, warps), _slice(gates * H, warps)
        if max(gates * of_state, of_gates) * 4 > registers:
            continue
        sums = 4 * warps * warps * 32
        forward = 4 * warps * _stride(of_state, warps) + sums * gates
        backward = 4 * warps * _stride(of_gates, warps) + sums + 4 * utterances * 32
        if max(forward, backward) <= shared_bytes:
            return Plan(warps, utterances, -(-N // utterances) * units, forward, backward)
    return None


def _tensor_bytes(outer, inner):
    """Return the shared memory of recurrent_tensor.cu for weights of outer x inner tiles."""
    tiles = -(-inner // TENSOR_WARPS)
    spare = max(tiles - TENSOR_REGISTERS // (8 * outer), 0)
    sums = 2 * TENSOR_WARPS**2 * (16 * outer + 4)
    return 4 * (sums + spare * outer * 8 * 32 * TENSOR_WARPS)


def _slice(inner, warps):
    """Return SLICE of recurrent_persistent.cu, the inner numbers of a thread."""
    return -(-inner // (16 * warps)) * 4


def _stride(numbers, warps):
    """Return STRIDE of recurrent_persistent.cu, given SLICE."""
    return 4 * warps * (numbers if numbers // 4 % 2 else numbers + 4)


def plan_here(x, H, gates, B, N, precision="float32"):
    """Plan a persistent launch for the GPU of the array x; on the host, for an H200."""
    if kernels.capability(x) < TENSOR_CORES:
        precision = "float32"
    return plan_persistent(H, gates, B, N, *kernels.limits(x), precision)


def recurrent_forward(a, U, state, lengths, activation, merge, plan, half=None):
    """Run the loop over time of a recurrent layer.

    Parameters
    ----------
    a : ndarray of float32 of shape (N, T, inputs, gates * H)
        Input terms, in the order of time; the directions share them if inputs is 1.
    U : ndarray of shape (B, H, gates * H)
    state : ndarray of shape (B, N, H), or None
        The state before the first frame; zeros by default.
    lengths : ndarray of int of shape (N,)
        In main memory.
    activation : {"clipped_relu", "tanh"}
    merge : {"sum", "concat"}
    plan : Plan or None
        Without one, frame by frame.
    half : ndarray of float16, optional
        U once more, for N of at most 8, to be read in each frame if there is no plan.

    Returns
    -------
    out : ndarray of shape (N, T, H) or (N, T, B * H)
        0 on padding.
    recurrence : Recurrence
    """
    xp = get_array_module(a)
    N, T, inputs, GH = a.shape
    B, H = U.shape[:2]
    gates = GH // H
    h = xp.empty((B, T + 1, N, H), a.dtype)
    if state is not None:  # zeros are written by the kernels
        h[:, 0] = state
    kept = xp.empty((B, T, N, 4, H), a.dtype) if gates == 3 else h  # which nobody reads
    frames = lengths_beside(a, lengths)
    concatenate = merge == "concat"
    clipped = xp.int32(activation == "clipped_relu")
    run = Recurrence(U, frames, h, kept, state is None, clipped, inputs, concatenate, plan)
    if plan:
        _forward_persistent(run, a)
    else:
        _forward_steps(run, a, half)
    out = xp.empty((N, T, B * H if concatenate else H), a.dtype)
    if out.size:
        _launch_each(
            _steps(gates).get_function("merge"),
            out.size,
            (h, frames, out, *_numbers(concatenate, N, T, H, B)),
        )
    return out, run


def recurrent_backward(dout, run, precision="float32"):
    """Compute da (N, T, inputs, gates * H) and dU (B, H, gates * H) of `recurrent_forward`.

    dout has the shape of the layer's output, with any numbers on padding. The precision is that of
    dU; see `ds2np.kernels.products`.
    """
    xp = get_array_module(dout)
    B, T, N, H = run.h[:, 1:].shape
    GH = run.U.shape[2]
    separate = run.inputs == B  # otherwise the directions share their input terms: da is a sum
    da = xp.empty((N, T, B, GH) if separate else (B, N, T, GH), dout.dtype)
    dg = xp.empty((B, T, N, GH), dout.dtype)
    (_backward_persistent if run.plan else _backward_steps)(run, xp.ascontiguousarray(dout), da, dg)
    if not separate:
        both = da[0]
        both += da[1]  # with out=da[0], CuPy would copy it first
        da = both.reshape(N, T, 1, GH)
    dU = xp.empty_like(run.U)
    for d in range(B):  # dU = sum over t and n of h_{t-1}^T dg_t
        before = run.h[d, :T].reshape(T * N, H)
        product(before.T, dg[d].reshape(T * N, GH), precision, out=dU[d])
    return da, dU


def _strides(run, GH):
    """Return a_row, a_direction, da_direction, out_row and out_direction of recurrent_cell.cuh."""
    B, T1, N, H = run.h.shape
    separate = run.inputs == B
    out = (B * H, H) if run.concatenate else (H, 0)
    return run.inputs * GH, separate * GH, GH if separate else N * (T1 - 1) * GH, *out


def _numbers(*values):
    return tuple(np.int32(value) for value in values)


def _steps(gates):
    return kernels.load("recurrent_steps", GATES=gates)


def _persistent(run, GH):
    H = run.U.shape[1]
    sizes = {"GATES": GH // H, "HIDDEN": H}
    if run.plan.tensor:
        return kernels.load("recurrent_tensor", cooperative=True, **sizes)
    return kernels.load("recurrent_persistent", cooperative=True, **sizes, WARPS=run.plan.warps)


def _launch_each(kernel, count, arguments):
    """Launch a thread for each of so many numbers."""
    kernel((-(-count // THREADS),), (THREADS,), arguments)


def _launch_persistent(run, kernel, shared, arguments):
    kernel.max_dynamic_shared_size_bytes = shared
    kernel((run.plan.blocks,), (32 * run.plan.warps,), arguments, shared_mem=shared)


def _forward_persistent(run, a):
    B, T1, N, _ = run.h.shape
    a_row, a_direction, *_ = _strides(run, a.shape[3])
    _launch_persistent(
        run,
        _persistent(run, a.shape[3]).get_function("persistent_forward"),
        run.plan.forward_bytes,
        (
            *(a, run.U, run.frames, run.h, run.kept, _counters(run), *_exchange(run, gates=1)),
            *(np.int32(run.plan.utterances), np.int32(run.from_zeros), run.clipped),
            *_numbers(N, T1 - 1, B, a_row, a_direction),
        ),
    )


def _backward_persistent(run, dout, da, dg):
    B, T1, N, _ = run.h.shape
    a_row, _, *others = _strides(run, dg.shape[3])
    _launch_persistent(
        run,
        _persistent(run, dg.shape[3]).get_function("persistent_backward"),
        run.plan.backward_bytes,
        (
            *(dout, run.U, run.frames, run.h, run.kept, da, dg, _counters(run)),
            *_exchange(run, dg.shape[3] // run.U.shape[1]),
            *(np.int32(run.plan.utterances), run.clipped),
            *_numbers(N, T1 - 1, B, a_row, *others),
        ),
    )


def _counters(run):
    """Return zeros, two for each direction and group; a launch leaves them as zeros."""
    return kernels.counters(run.h, 2 * run.plan.blocks)


def _exchange(run, gates):
    """Return where the blocks of recurrent_tensor.cu publish what the next frame multiplies."""
    if not run.plan.tensor:
        return ()
    words = 2 * run.plan.blocks * 32 * run.plan.utterances * gates
    return (get_array_module(run.h).empty(words, np.uint32),)


def _forward_steps(run, a, half):
    B, T1, N, H = run.h.shape
    GH = a.shape[3]
    kernel = _steps(GH // H).get_function("forward_step")
    a_row, a_direction, *_ = _strides(run, GH)
    sizes = _numbers(N, T1 - 1, H, B, a_row, a_direction)
    u = get_array_module(a).empty((B, N, GH), np.float32)
    multiply = _products(run.U) if half is None else functools.partial(small_product, W=half)
    for k in range(T1 - 1):
        zeros = k == 0 and run.from_zeros
        if not zeros:
            multiply(run.h[:, k], out=u)  # U h_{k-1}
        arrays = (a, u, run.frames, run.h, run.kept)
        _launch_each(kernel, B * N * H, (*arrays, *_numbers(zeros, k), run.clipped, *sizes))


def _backward_steps(run, dout, da, dg):
    B, T1, N, H = run.h.shape
    GH = dg.shape[3]
    kernel = _steps(GH // H).get_function("backward_step")
    a_row, _, *others = _strides(run, GH)
    sizes = _numbers(N, T1 - 1, H, B, a_row, *others)
    carry = get_array_module(dg).zeros((B, N, H), np.float32)
    multiply = _products(run.U, transpose=True)
    for k in reversed(range(T1 - 1)):
        arrays = (dout, run.h, run.kept, run.frames, da, dg, carry)
        _launch_each(kernel, B * N * H, (*arrays, np.int32(k), run.clipped, *sizes))
        multiply(dg[:, k], carry, add=True)  # dh_{k-1}: the direct path, and U dg_k


def _products(W, transpose=False):
    """Return a function that computes out = x W, or adds it: (B, N, inner) by (B, inner, outer).

    With `transpose`, by the transposes of W.
    """
    xp = get_array_module(W)
    if xp is np:
        W = W.swapaxes(1, 2) if transpose else W
        return lambda x, out, add=False: np.add(x @ W, out if add else 0, out=out)
    from cupy_backends.cuda.libs import cublas

    # Below xp.matmul, whose checks take longer than the product of one frame.
    handle = xp.cuda.device.get_cublas_handle()
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    B, rows, columns = W.shape
    inner, outer = (columns, rows) if transpose else (rows, columns)

    def multiply(x, out, add=False):
        # cuBLAS counts columns first: out^T = W^T x^T.
        cublas.sgemmStridedBatched(
            *(handle, int(transpose), 0, outer, x.shape[1], inner, one.ctypes.data),
            *(W.data.ptr, columns, rows * columns, x.data.ptr, inner, x.strides[0] // 4),
            *((one if add else zero).ctypes.data, out.data.ptr, outer, out.strides[0] // 4, B),
        )

    return multiply
