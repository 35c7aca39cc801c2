"""The CTC kernels on a few small shapes, to run under compute-sanitizer."""

import numpy as np
from timing import GPU

from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss

SHAPES = ((1, 1, 2, 0), (2, 5, 3, 1), (3, 40, 29, 12), (2, 30, 300, 140))  # N, T, V, L


def measure(tiny):
    """Run them once; the sizes are always small."""
    rng = np.random.default_rng(0)
    for N, T, V, L in SHAPES:
        lengths = np.full(N, T)
        lengths[-1] = T // 2
        logits, labels = rng.standard_normal((N, T, V), np.float32), rng.integers(1, V, (N, L))
        for result in ctc_loss(GPU(logits), labels, lengths, np.minimum(L, lengths // 3)):
            to_cpu(result)
    print("done")
