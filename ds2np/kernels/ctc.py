"""The CTC loss on a GPU (chapter 12): one launch for all recursions, one for all gradients.

Array operations would take thousands of launches, some for each frame; the kernels loop over the
frames themselves. `ds2np.ctc.recursion` has the same recursion for arrays.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module

MAX_THREADS = 256
WARP = 32
# A block has 48 KiB of shared memory, for three rows of states and the partial sums.
MAX_LABELS = (48 * 1024 // 4 - WARP - 4) // 6 - 1


def fits_kernel(logits, labels):
    """Check whether the kernels support a batch: float32, not empty, at most MAX_LABELS labels."""
    return logits.dtype == np.float32 and labels.shape[1] <= MAX_LABELS and logits.size > 0


def ctc_by_kernel(log_probs, labels, input_lengths, label_lengths, blank):
    """Compute the CTC loss (N,) and its gradient with respect to the logits, (N, T, V).

    Takes log_probs (N, T, V) in float32; labels (N, L) and both lengths (N,) are NumPy arrays.
    """
    xp = get_array_module(log_probs)
    N, T, V = log_probs.shape
    L = labels.shape[1]
    S = 2 * L + 1
    log_probs = xp.ascontiguousarray(log_probs)
    # Even without labels each row has one, so that no kernel gets an empty array.
    numbers = (np.pad(labels, ((0, 0), (0, L == 0))), input_lengths, label_lengths)
    numbers = tuple(xp.asarray(np.ascontiguousarray(a, dtype=np.int32)) for a in numbers)
    ways = xp.empty((2, N, T, S), np.float32)
    loss, dlogits = xp.empty(N, np.float32), xp.empty_like(log_probs)
    sizes = tuple(np.int32(i) for i in (N, T, V, L, blank))
    module = kernels.load("ctc")
    module.get_function("ctc_ways")(
        (2 * N,),
        (_threads(S),),
        (log_probs, *numbers, ways, loss, *sizes),
        shared_mem=4 * (2 * (S + 2) + S + WARP),
    )
    module.get_function("ctc_gradient")(
        (N * T,),
        (_threads(max(S, V)),),
        (log_probs, *numbers, ways, loss, dlogits, *sizes),
        shared_mem=4 * (S + WARP),
    )
    return loss, dlogits


def _threads(wanted):
    """Round up to whole warps, at most MAX_THREADS."""
    return min(-(-wanted // WARP) * WARP, MAX_THREADS)
