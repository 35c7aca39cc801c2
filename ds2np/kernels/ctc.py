"""The CTC loss on a GPU (chapter 12): three launches, whatever the number of frames.

Array operations would take thousands of launches, some for each frame; the kernels loop over the
frames themselves. `ds2np.ctc.recursion` has the same recursion for arrays.
"""

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module

WARP, MAX_THREADS = 32, 1024  # of a block
FRAMES = 8  # of a block, where a warp works on a frame
SHARED = 48 * 1024 // 4  # floats in the shared memory of a block
# The recursion keeps two rows of states there, and a number for each warp.
MAX_LABELS = ((SHARED - WARP) // 2 - 2 - 1) // 2


def fits_kernel(logits, labels):
    """Check whether the kernels support a batch: float32, not empty, at most MAX_LABELS labels."""
    return logits.dtype == np.float32 and labels.shape[1] <= MAX_LABELS and logits.size > 0


def ctc_by_kernel(logits, labels, input_lengths, label_lengths, blank, gradient=True):
    """Compute the CTC loss (N,) and its gradient with respect to the logits, (N, T, V).

    Takes logits (N, T, V) in float32; labels (N, L) and both lengths (N,) are NumPy arrays. Without
    ``gradient`` it is None, and takes neither memory nor a launch.
    """
    xp = get_array_module(logits)
    N, T, V = logits.shape
    L = labels.shape[1]
    S = 2 * L + 1
    logits = xp.ascontiguousarray(logits)
    utterances = np.column_stack([input_lengths, label_lengths, labels]).astype(np.int32)
    utterances = xp.asarray(utterances)  # (N, 2 + L), in one copy
    norms, ways = xp.empty((N, T, 2), np.float32), xp.empty((2, N, T, S), np.float32)
    firsts = xp.empty((N, max(L, 1)), np.int32)  # not empty, even without labels
    loss = xp.empty(N, np.float32)
    sizes = tuple(np.int32(i) for i in (N, T, V, L, blank))
    states = -(-S // MAX_THREADS)  # that a thread works on
    module = kernels.load("ctc", STATES=states)
    module.get_function("ctc_norms")(
        (-(-N * T // FRAMES),), (FRAMES * WARP,), (logits, utterances, norms, *sizes[:4])
    )
    module.get_function("ctc_ways")(
        (2 * N,),
        (-(-S // (states * WARP)) * WARP,),
        (logits, utterances, norms, ways, firsts, loss, *sizes),
        shared_mem=4 * (2 * (S + 2) + WARP),
    )
    if not gradient:
        return loss, None
    dlogits, frames = xp.empty_like(logits), min(FRAMES, SHARED // (S + L))
    module.get_function("ctc_gradient")(
        (-(-N * T // frames),),
        (frames * WARP,),
        (logits, utterances, norms, ways, firsts, loss, dlogits, *sizes),
        shared_mem=4 * (S + L) * frames,
    )
    return loss, dlogits
