"""Alternating timing (A B A B ...), so that other load on the machine slows all sides alike."""

import time

import numpy as np

from ds2np.backend import CPU, elapsed, mark_time


def time_in_turn(steps, runs, device):
    """Time warmed-up functions in turn; return seconds of shape (len(steps), runs).

    On a GPU they are between two events: from the first operation to the end of the last.
    """
    time_once = _seconds if device == CPU else _gpu_seconds
    seconds = np.empty((len(steps), runs))
    for run in range(runs):
        for i, step in enumerate(steps):
            device.wait()
            seconds[i, run] = time_once(step, device)
    return seconds


def _seconds(step, _device):
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _gpu_seconds(step, device):
    began = mark_time()
    step()
    ended = mark_time()
    device.wait()
    return elapsed(began, ended)


def spread(values, unit=None):
    """Compute median, minimum and maximum, by names such as "median_ms"."""
    suffix = f"_{unit}" if unit else ""
    return {
        f"{name}{suffix}": float(of(values))
        for name, of in (("median", np.median), ("min", np.min), ("max", np.max))
    }
