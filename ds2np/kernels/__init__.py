"""CUDA kernels, each with a NumPy version that defines it. Chapter 12 reads them line by line.

CuPy compiles them at first use, for the current GPU.
"""

import functools
from pathlib import Path

FOLDER = Path(__file__).parent


def read_source(name):
    """Return the source of a kernel file, named without ".cu"."""
    return (FOLDER / f"{name}.cu").read_text(encoding="utf-8")


def load(name):
    """Compile a kernel file, named without ".cu", for the current GPU.

    Returns a `cupy.RawModule`: ``get_function(kernel)(grid, block, arguments, shared_mem=bytes)``
    launches a kernel.
    """
    import cupy

    return _compiled(name, cupy.cuda.Device().id)


@functools.cache
def _compiled(name, _device):
    import cupy

    return cupy.RawModule(code=read_source(name))
