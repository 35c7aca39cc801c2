"""A batch of logits over any number of symbols, padded with what must not be read."""

import numpy as np


def batch(rng, N, T, V, L, dtype=np.float32, symbols=None):
    """Return logits and transcripts; what is padding holds nan, and labels that are no symbols."""
    logits = (2 * rng.standard_normal((N, T, V))).astype(dtype)
    labels = rng.integers(1, symbols or V, (N, L))
    frames, counts = rng.integers(T // 2, T + 1, N), rng.integers(0, L + 1, N)
    frames[0], counts[0] = T, L
    for n in range(N):
        logits[n, frames[n] :], labels[n, counts[n] :] = np.nan, -1
    return logits, labels, frames, counts
