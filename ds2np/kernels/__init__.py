"""CUDA kernels, and how they are compiled. Each has a twin in NumPy that defines what it does.

The kernels are compiled when they are first used, by CuPy and for the GPU at hand.
"""

import functools
from pathlib import Path

FOLDER = Path(__file__).parent


def read_source(name):
    """Read a file of kernels.

    Parameters
    ----------
    name : str
        Of the file, without ".cu".

    Returns
    -------
    str
    """
    return (FOLDER / f"{name}.cu").read_text(encoding="utf-8")


def load(name):
    """Compile a file of kernels for the current GPU.

    Parameters
    ----------
    name : str
        Of the file, without ".cu".

    Returns
    -------
    cupy.RawModule
        Its ``get_function(kernel)(grid, block, arguments, shared_mem=bytes)`` runs a kernel.
    """
    import cupy

    return _compiled(name, cupy.cuda.Device().id)


@functools.cache
def _compiled(name, _device):
    import cupy

    return cupy.RawModule(code=read_source(name))
