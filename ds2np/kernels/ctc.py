"""The CTC loss on a GPU: one launch for all recursions, one for all gradients.

Array operations would be launched frame by frame, thousands of times; the kernels run through all
frames by themselves. `ds2np.ctc.lattice` defines what they compute.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module

MAX_THREADS = 256
WARP = 32
# A block has 48 KiB of shared memory: three rows of states, and room for sums.
MAX_LABELS = (48 * 1024 // 4 - WARP - 4) // 6 - 1


def fits_kernel(logits, labels):
    """Tell whether the kernels can take a batch: single precision, and not too many labels."""
    return logits.dtype == np.float32 and labels.shape[1] <= MAX_LABELS and logits.size > 0


def ctc_by_kernel(log_probs, labels, input_lengths, label_lengths, blank):
    """Compute losses and their gradient by the logits.

    Parameters
    ----------
    log_probs : ndarray of float32 of shape (N, T, V)
    labels : ndarray of int of shape (N, L)
        In main memory, as both lengths are.
    input_lengths, label_lengths : ndarray of int of shape (N,)
    blank : int

    Returns
    -------
    loss : ndarray of float32 of shape (N,)
    dlogits : ndarray of float32 of shape (N, T, V)
    """
    xp = get_array_module(log_probs)
    N, T, V = log_probs.shape
    L = labels.shape[1]
    S = 2 * L + 1
    log_probs = xp.ascontiguousarray(log_probs)
    # Kernels read no index but these; each row has a label even where there is none.
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
    """Choose whole warps, enough for what is wanted, or the most that a block shall have."""
    return min(-(-wanted // WARP) * WARP, MAX_THREADS)
