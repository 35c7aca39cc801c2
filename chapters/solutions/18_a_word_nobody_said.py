"""Solutions of the exercises of chapter 18, on a sound that the network hears as another word."""

import numpy as np


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
