"""Solutions of the exercises of chapter 10, on what the network has learned."""

import numpy as np


def occlusions(x, frames, bins):
    """Set one tile after the other to 0, each in a copy of its own: (tiles, T, F)."""
    corners = [(t, f) for t in range(0, len(x), frames) for f in range(0, x.shape[1], bins)]
    copies = np.repeat(x[None], len(corners), axis=0)
    for copy, (t, f) in zip(copies, corners, strict=True):
        copy[t : t + frames, f : f + bins] = 0  # a slice may reach beyond the edge
    return copies


def normalise_backward(dout, cache):
    """Go back through the division by the deviation, then through the subtraction of the mean."""
    out, inverse_std = cache
    # Each element has its own way, and one through the variance, which all elements share.
    dcentred = inverse_std * (dout - out * (out * dout).mean())
    return dcentred - dcentred.mean(axis=0)  # and one through the mean of its frequency


def within_budget(change, samples, decibels):
    """Make a change softer where it is too loud, then keep the sum within full scale."""
    limit = np.linalg.norm(samples) * 10 ** (decibels / 20)  # 20: amplitudes, not energies
    loudness = np.linalg.norm(change)
    if loudness > limit:
        change = change * (limit / loudness)
    return np.clip(samples + change, -1, 1) - samples
