"""Time functions in turn: A B A B ..., so that what else the machine does slows down all alike."""

import time

import numpy as np


def time_in_turn(steps, runs, device):
    """Time several functions in turn: A B C A B C ...

    Parameters
    ----------
    steps : list of callable
        Warmed up already.
    runs : int
    device : Device
        A GPU is waited for.

    Returns
    -------
    ndarray of shape (len(steps), runs)
        In seconds.
    """
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
    """Return median, minimum and maximum by name, such as "median_ms"."""
    suffix = f"_{unit}" if unit else ""
    return {
        f"{name}{suffix}": float(of(values))
        for name, of in (("median", np.median), ("min", np.min), ("max", np.max))
    }
