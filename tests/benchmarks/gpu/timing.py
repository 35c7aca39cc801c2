"""Timing on a GPU: the whole, and the shares of the host and of the GPU."""

import contextlib
import time
import traceback

import cupy
import numpy as np

from ds2np.backend import Device
from ds2np.bench.timing import time_in_turn

GPU = Device(0)  # CUDA_VISIBLE_DEVICES chooses another one

failed = []  # names of the failed measurements


@contextlib.contextmanager
def going_on(name):
    """Print an error in the ``with`` block and continue: the next measurement may work."""
    try:
        yield
    except Exception:
        print(f"FAILED {name}: {traceback.format_exc(limit=-3)}", flush=True)
        failed.append(name)
    cupy.get_default_memory_pool().free_all_blocks()


def clock(*steps, seconds=0.25, least=3, most=2000):
    """Time functions in turn, with a wait for the GPU after each.

    Parameters
    ----------
    *steps : callable
    seconds : float
        Approximate time for all runs together.
    least, most : int
        Number of runs of each.

    Returns
    -------
    ndarray of shape (len(steps), runs)
        In milliseconds.
    """
    for step in steps:
        step()  # compiles its kernels
    once = time_in_turn(steps, 1, GPU).sum()
    return 1000 * time_in_turn(steps, int(np.clip(seconds / once, least, most)), GPU)


def median(step, **options):
    """Return the median milliseconds of a function; the options are those of `clock`."""
    return float(np.median(clock(step, **options)))


def with_range(milliseconds):
    """Format the median, minimum and maximum of some times."""
    low, middle, high = np.percentile(milliseconds, [0, 50, 100])
    return f"{middle:.2f} ms ({low:.2f} to {high:.2f})"


def host_microseconds(step, count=300):
    """Time the host's share of a call: until it returns, without waiting for the GPU."""
    for _ in range(20):
        step()
    rounds = []
    for _ in range(5):
        GPU.wait()
        began = time.perf_counter()
        for _ in range(count):
            step()
        rounds.append((time.perf_counter() - began) / count)
    GPU.wait()
    return 1e6 * min(rounds)


def gpu_microseconds(step, count=100):
    """Time the GPU's share of a call, as the mean of many in a row."""
    step()
    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    begin.record()
    for _ in range(count):
        step()
    end.record()
    end.synchronize()
    return 1000 * cupy.cuda.get_elapsed_time(begin, end) / count
