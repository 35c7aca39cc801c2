"""Products of a few rows with weights of 16 bits on a GPU, for inference.

Paper, "Deployment": half-precision weights, and a kernel for the small batches of a server. One
launch; for arrays it is ``x @ W.astype(x.dtype)``.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module, to_cpu
from ds2np.errors import UserError

MOST_ROWS = 8
LARGEST = 65504  # the largest float16
THREADS, WARPS, COLUMNS = 256, 8, 64  # as in small_product.cu
LOOP = 128  # DOWN * AHEAD of it: rows of W in a thread's loop
MOST_LOOPS = 8  # of a block: 8 rows of x of as many numbers fit into its shared memory


def round_to_half(W, name):
    """Round weights to float16, in place, and return them as such; UserError if they do not fit."""
    in_memory = to_cpu(W)
    largest = float(abs(in_memory).max())
    if not largest <= LARGEST:
        raise UserError(
            f"{name} holds a weight of size {largest:g}, expected at most {LARGEST}, "
            f"the largest of half precision"
        )
    xp, half = get_array_module(W), in_memory.astype(np.float16)
    W[...] = xp.asarray(half.astype(W.dtype))
    return xp.asarray(half)


def plan_slices(D, tiles, multiprocessors):
    """Choose into how many parts of how many rows W is cut, given the tiles of 64 columns."""
    loops = max(-(-D // LOOP), 1)
    wanted = max(2 * multiprocessors // tiles, -(-loops // MOST_LOOPS), 1)  # two blocks for each
    slice = -(-loops // wanted) * LOOP
    return -(-loops * LOOP // slice), slice


def small_product(x, W, out):
    """Compute out = x W for B products at once, each of one to eight rows; return out.

    Parameters
    ----------
    x : ndarray of float32 of shape (B, n, D)
        x[b] is contiguous.
    W : ndarray of float16 of shape (B, D, H)
    out : ndarray of float32 of shape (B, n, H)
    """
    xp = get_array_module(x)
    (B, n, D), H = x.shape, W.shape[2]
    if not out.size:
        return out
    rows = 1 << (n - 1).bit_length()  # the kernel is compiled for 1, 2, 4 and 8
    tiles = B * -(-H // COLUMNS)
    parts, slice = plan_slices(D, tiles, kernels.limits(x)[0])
    sums = xp.empty(tiles * parts * rows * COLUMNS if parts > 1 else 1, np.float32)
    sizes = n, D, H, parts, slice, x.strides[0] // x.itemsize
    module = kernels.load("small_product", ROWS=rows, WHOLE_PIECES=int(H % 8 == 0))
    module.get_function("small_product")(
        (tiles * parts,),
        (THREADS,),
        (
            *(x[0], W.view(np.uint16), out, sums, kernels.counters(x, tiles)),
            *(np.int32(size) for size in sizes),
        ),
        shared_mem=4 * rows * max(slice, WARPS * COLUMNS),
    )
    return out
