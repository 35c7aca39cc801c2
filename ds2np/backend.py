"""NumPy or CuPy: the one place that knows which.

Everything else asks for the array module of the array at hand, so that both devices can live in one
process and no global flag decides. Nothing here imports CuPy before a GPU is asked for.
"""

import functools
import sys
from dataclasses import dataclass

import numpy as np

from ds2np.errors import UserError


def get_array_module(x):
    """Return the module that an array belongs to.

    Parameters
    ----------
    x : ndarray
        A NumPy or a CuPy array.

    Returns
    -------
    module
        ``numpy`` or ``cupy``.
    """
    if isinstance(x, np.ndarray):
        return np
    cupy = sys.modules.get("cupy")  # a CuPy array exists only where CuPy has been imported
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    return np


def get_fft_module(x):
    """Return the FFT module, with SciPy's interface, for an array.

    Parameters
    ----------
    x : ndarray
        A NumPy or a CuPy array.

    Returns
    -------
    module
        ``scipy.fft`` or ``cupyx.scipy.fft``.
    """
    if get_array_module(x) is np:
        import scipy.fft as fft
    else:
        import cupyx.scipy.fft as fft
    return fft


@functools.cache
def _blas():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def one_blas_thread():
    """Give each matrix product in a ``with`` block one thread.

    For loops over many small products: to share one of them out costs more than it saves, and where
    other programs run, the threads wait for each other at every step.

    Returns
    -------
    context manager
    """
    return _blas().limit(limits=1)


@functools.cache
def why_no_gpu():
    """Say why there is no GPU to compute on.

    Returns
    -------
    str or None
        One clause, or None where there is a GPU that works.
    """
    try:
        import cupy
    except ImportError:
        return "CuPy is not installed (see requirements-gpu.txt)"
    if not cupy.cuda.is_available():
        return "CuPy is installed but finds no GPU or no driver"
    try:  # a missing cuBLAS or NVRTC shows only at the first use
        ones = cupy.ones((2, 2), dtype=np.float32)
        if float((ones @ ones + 1).sum()) != 12:
            return "the GPU computes 1 x 1 + 1 x 1 + 1 wrongly"
    except Exception as error:
        return f"the GPU's first computation failed ({error})"
    return None


def has_gpu():
    """Tell whether there is a GPU that CuPy can compute on."""
    return why_no_gpu() is None


@dataclass(frozen=True)
class Device:
    """Where to compute; called with an array, it returns the array there.

    Attributes
    ----------
    gpu : int or None
        The number of a GPU; None for the CPU.
    """

    gpu: int | None = None

    def __call__(self, x):
        return to_cpu(x) if self.gpu is None else to_gpu(x)

    def use(self):
        """Make a GPU the current one of this process."""
        if self.gpu is not None:
            import cupy

            cupy.cuda.Device(self.gpu).use()

    def wait(self):
        """Return when a GPU has done all that it was asked for, on all of its streams."""
        if self.gpu is not None:
            import cupy

            cupy.cuda.Device(self.gpu).synchronize()


CPU = Device()


def choose_device(name):
    """Choose where to compute.

    Parameters
    ----------
    name : str
        "cpu", "cuda", "cuda:1" and so on, or "auto": a GPU if there is one.

    Returns
    -------
    Device

    Raises
    ------
    UserError
        If a GPU is asked for that is not there.
    """
    kind, _, number = name.partition(":")
    if name == "cpu" or (name == "auto" and not has_gpu()):
        return CPU
    if kind not in ("auto", "cuda") or (number and not number.isdecimal()):
        raise UserError(f"no device {name!r}; there are auto, cpu, cuda and cuda:N")
    if not has_gpu():
        raise UserError(f"no device {name!r}: {why_no_gpu()}; --device cpu needs none")
    import cupy

    count = cupy.cuda.runtime.getDeviceCount()
    if int(number or 0) >= count:
        raise UserError(f"no device {name!r}; the GPUs here are cuda:0 to cuda:{count - 1}")
    return Device(int(number) if number else cupy.cuda.Device().id)


def to_gpu(x):
    """Copy an array to the current GPU; one that is there already is returned as it is."""
    import cupy

    return cupy.asarray(x)


def to_cpu(x):
    """Copy an array to main memory; one that is there already is returned as it is."""
    if get_array_module(x) is np:
        return np.asarray(x)
    return x.get()
