"""NumPy or CuPy: arrays and devices. Chapter 12 explains it.

All code uses the module of the arrays it is given, so one process can use both devices and needs no
global flag. CuPy is not imported before a GPU is requested.
"""

import functools
import gc
import sys
import threading
from dataclasses import dataclass

import numpy as np

from ds2np.errors import UserError
from ds2np.machine import peak_memory

RESERVED = 2**30  # bytes of a GPU that arrays leave to the driver, its libraries and NCCL
FFT_PLANS = 256  # of cuFFT, kept for the next array of the same shape; CuPy itself keeps 16


def get_array_module(x):
    """Return the module, ``numpy`` or ``cupy``, of an array."""
    if isinstance(x, np.ndarray):
        return np
    cupy = sys.modules.get("cupy")  # no CuPy array exists before CuPy is imported
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    return np


def get_fft_module(x):
    """Return the FFT module, ``scipy.fft`` or ``cupyx.scipy.fft``, for an array."""
    if get_array_module(x) is np:
        import scipy.fft as fft
    else:
        import cupyx.scipy.fft as fft
    return fft


@functools.cache
def _blas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _free_blas():
    """Let any thread set the number of OpenBLAS's threads next.

    From version 3.8 on, threadpoolctl lets only one thread do so and ignores all others silently.
    """
    from threadpoolctl import OpenBLASController

    if hasattr(OpenBLASController, "clear_controlling_thread"):
        OpenBLASController.clear_controlling_thread(force=True)


class _OneThread:
    """Counts the blocks that need the limit: the first sets it, the last restores the number.

    The number of threads belongs to the process. If each of two concurrent blocks restored what it
    had found, the later one would bring back the limit of the other, for good.
    """

    def __init__(self):
        self._lock, self._blocks, self._limit = threading.Lock(), 0, None

    def __enter__(self):
        with self._lock:
            if not self._blocks:
                self._limit = _blas().limit(limits=1)
            self._blocks += 1

    def __exit__(self, *error):
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                _free_blas()  # the limit may be that of another thread
                self._limit.restore_original_limits()
                _free_blas()


_one_thread = _OneThread()


def one_blas_thread():
    """Limit matrix products to one thread each until the last concurrent ``with`` block ends.

    For loops over many small products: distributing one costs more than it saves, and on a busy
    machine the threads wait for each other at every step.
    """
    return _one_thread


@functools.cache
def why_no_gpu():
    """Return why no GPU can be used, as one clause, or None if one works."""
    try:
        import cupy
    except ImportError:
        return "CuPy is not installed (for a GPU: pip install 'ds2np[cuda13]')"
    if not cupy.cuda.is_available():
        return "CuPy is installed but finds no GPU or no driver"
    try:  # a missing cuBLAS or NVRTC shows only on first use
        ones = cupy.ones((2, 2), dtype=np.float32)
        if float((ones @ ones + 1).sum()) != 12:
            return "the GPU computes a small matrix product wrongly"
    except Exception as error:
        return f"the GPU's first computation failed ({error})"
    return None


def has_gpu():
    """Return whether CuPy can use a GPU."""
    return why_no_gpu() is None


@dataclass(frozen=True)
class Device:
    """A device to compute on: the number of a GPU, or None for the CPU.

    Calling it with an array moves the array there.
    """

    gpu: int | None = None

    def __call__(self, x):
        return to_cpu(x) if self.gpu is None else to_gpu(x)

    def use(self):
        """Make a GPU the current device of this thread, and bound what CuPy keeps of its memory."""
        if self.gpu is not None:
            import cupy

            cupy.cuda.Device(self.gpu).use()
            _bound_memory(cupy)

    def wait(self):
        """Wait until the GPU has finished all work on all streams."""
        if self.gpu is not None:
            import cupy

            cupy.cuda.Device(self.gpu).synchronize()

    def peak_memory(self):
        """Return the peak memory in bytes: of the process, or of CuPy's pool on a GPU.

        The pool keeps what arrays have freed, so its size is the peak since `free_pool`.
        """
        if self.gpu is None:
            return peak_memory()
        import cupy

        return cupy.get_default_memory_pool().total_bytes()


CPU = Device()


def _bound_memory(cupy):
    total = cupy.cuda.runtime.memGetInfo()[1]
    pool, plans = cupy.get_default_memory_pool(), cupy.fft.config.get_plan_cache()
    if not pool.get_limit():  # an existing CUPY_GPU_MEMORY_LIMIT takes precedence
        pool.set_limit(max(total - RESERVED, total // 2))
    if plans.get_size() != FFT_PLANS:
        plans.set_size(FFT_PLANS)
        # Plans of lengths with small factors need no memory. CuPy refuses one above the limit.
        plans.set_memsize(total // 4)


def describe_gpu():
    """Return name, memory and versions of the current GPU, as a dict of texts."""
    import cupy

    runtime = cupy.cuda.runtime
    properties = runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {
        "GPU": properties["name"].decode(),
        "memory": f"{properties['totalGlobalMem'] / 1e9:.0f} GB",
        "CUDA": _version(runtime.runtimeGetVersion()),
        "driver for CUDA": _version(runtime.driverGetVersion()),
        "cupy": cupy.__version__,
    }


def _version(number):
    return f"{number // 1000}.{number % 1000 // 10}"


def free_pool():
    """Return memory that CuPy keeps for later arrays to the GPU."""
    import cupy

    gc.collect()  # arrays in reference cycles
    cupy.get_default_memory_pool().free_all_blocks()


def free_memory():
    """Return how many bytes of the current GPU arrays can still take, and how many it has."""
    import cupy

    pool = cupy.get_default_memory_pool()
    free, total = cupy.cuda.runtime.memGetInfo()
    left = (pool.get_limit() or total) - pool.used_bytes()
    return min(free + pool.free_bytes(), left), total


def choose_device(name):
    """Return the `Device` called "cpu", "cuda" or "cuda:N", or "auto": a GPU if there is one.

    Raises
    ------
    UserError
        If the device does not exist.
    """
    kind, _, number = name.partition(":")
    if name == "cpu" or (name == "auto" and not has_gpu()):
        return CPU
    if kind not in ("auto", "cuda") or (number and not number.isdecimal()):
        raise UserError(f"no device {name!r}; choose from auto, cpu, cuda and cuda:N")
    if not has_gpu():
        raise UserError(f"no device {name!r}: {why_no_gpu()}; --device cpu needs none")
    import cupy

    count = cupy.cuda.runtime.getDeviceCount()
    if int(number or 0) >= count:
        raise UserError(f"no device {name!r}; the GPUs here are cuda:0 to cuda:{count - 1}")
    return Device(int(number) if number else cupy.cuda.Device().id)


def to_gpu(x):
    """Copy an array to the current GPU, unless it is already there."""
    import cupy

    return cupy.asarray(x)


def to_cpu(x):
    """Copy an array to main memory, unless it is already there."""
    if get_array_module(x) is np:
        return np.asarray(x)
    return x.get()


def is_on_gpu(x):
    """Return whether an array is in a GPU's memory."""
    return get_array_module(x) is not np


def mark_time():
    """Return an event: the time when the current GPU has finished all work so far; no wait."""
    import cupy

    event = cupy.cuda.Event()
    event.record()
    return event


def elapsed(began, ended):
    """Return the seconds between two events that have happened."""
    import cupy

    return cupy.cuda.get_elapsed_time(began, ended) / 1000
