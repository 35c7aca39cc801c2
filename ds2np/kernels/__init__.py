"""CUDA kernels, each with a NumPy version that defines it. Chapter 12 reads them line by line.

CuPy compiles them at first use, for the current GPU.
"""

import functools
import re
from pathlib import Path

import numpy as np

from ds2np.backend import get_array_module, is_on_gpu

FOLDER = Path(__file__).parent


def support(x):
    """Return whether the kernels compute on an array: on a GPU, in float32."""
    return is_on_gpu(x) and x.dtype == np.float32


def read_source(name):
    """Return the source of a kernel file, named without ".cu", with all files that it includes."""
    return _read(f"{name}.cu")


def _read(file):
    text = (FOLDER / file).read_text(encoding="utf-8")
    # Not left to the compiler: CuPy's cache of compiled kernels knows the text only.
    return re.sub(r'^#include "(\w+\.cuh)"$', lambda m: _read(m[1]), text, flags=re.M)


def load(name, cooperative=False, **defines):
    """Compile a kernel file, named without ".cu", for the current GPU.

    Parameters
    ----------
    name : str
    cooperative : bool
        Its blocks wait for each other, so all of a launch have to be on the GPU at once.
    **defines : int
        Macros, such as sizes that the compiler has to know.

    Returns
    -------
    cupy.RawModule
        ``get_function(kernel)(grid, block, arguments, shared_mem=bytes)`` launches a kernel.
    """
    import cupy

    return _compiled(name, cooperative, tuple(defines.items()), cupy.cuda.Device().id)


@functools.cache
def _compiled(name, cooperative, defines, _device):
    import cupy

    options = tuple(f"-D{macro}={value}" for macro, value in defines)
    return cupy.RawModule(
        code=read_source(name), options=options, enable_cooperative_groups=cooperative
    )


def limits(x):
    """Return the multiprocessors of an array's GPU, and the shared memory that a block may ask for.

    On the host, those of an H200.
    """
    xp = get_array_module(x)
    return (132, 227 * 1024) if xp is np else _limits(xp.cuda.Device().id)


@functools.cache
def _limits(device):
    import cupy

    found = cupy.cuda.Device(device).attributes
    return found["MultiProcessorCount"], found["MaxSharedMemoryPerBlockOptin"]


def capability(x):
    """Return the compute capability, times ten, of an array's GPU; on the host, an H200's."""
    xp = get_array_module(x)
    return 90 if xp is np else int(xp.cuda.Device().compute_capability)


def counters(x, count):
    """Return zeros beside an array, for kernels that leave them as zeros."""
    xp = get_array_module(x)
    if xp is np:
        return np.zeros(count, np.uint32)
    return _zeros(count, xp.cuda.Device().id, xp.cuda.get_current_stream().ptr)


@functools.cache
def _zeros(count, _device, _stream):
    import cupy

    return cupy.zeros(count, np.uint32)
