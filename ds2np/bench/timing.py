"""Time functions in turn: A B A B ..., so that what else the machine does slows down all alike."""

import time

import numpy as np

from ds2np.backend import to_cpu


def time_in_turn(steps, runs, to_device):
    """Time several functions in turn: A B C A B C ...

    Parameters
    ----------
    steps : list of callable
        Warmed up already.
    runs : int
    to_device : callable
        From `ds2np.backend.choose_device`; a GPU is waited for.

    Returns
    -------
    ndarray of shape (len(steps), runs)
        In seconds.
    """
    wait = wait_for(to_device)
    seconds = np.empty((len(steps), runs))
    for run in range(runs):
        for i, step in enumerate(steps):
            wait()
            began = time.perf_counter()
            step()
            wait()
            seconds[i, run] = time.perf_counter() - began
    return seconds


def wait_for(to_device):
    if to_device is to_cpu:
        return lambda: None
    import cupy

    return cupy.cuda.Device().synchronize  # of all its streams, PyTorch's included


def spread(values, unit=None):
    """Return median, minimum and maximum by name, such as "median_ms"."""
    suffix = f"_{unit}" if unit else ""
    return {
        f"{name}{suffix}": float(of(values))
        for name, of in (("median", np.median), ("min", np.min), ("max", np.max))
    }
