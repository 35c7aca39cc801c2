"""Alternating timing (A B A B ...), so that other load on the machine slows all sides alike."""

import time

import numpy as np


def time_in_turn(steps, runs, device):
    """Time warmed-up functions in turn; return seconds of shape (len(steps), runs)."""
    seconds = np.empty((len(steps), runs))
    for run in range(runs):
        for i, step in enumerate(steps):
            device.wait()
            began = time.perf_counter()
            step()
            device.wait()
            seconds[i, run] = time.perf_counter() - began
    return seconds


def spread(values, unit=None):
    """Compute median, minimum and maximum, by names such as "median_ms"."""
    suffix = f"_{unit}" if unit else ""
    return {
        f"{name}{suffix}": float(of(values))
        for name, of in (("median", np.median), ("min", np.min), ("max", np.max))
    }
