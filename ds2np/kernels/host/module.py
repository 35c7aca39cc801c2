"""Run CUDA kernels without a GPU: compiled by g++, on NumPy arrays.

Slow, one block after another; for tests, and to see what a kernel does. `cuda_on_host.h` says what
is found in this way and what is not.
"""

import ctypes
import functools
import re
import shutil
import subprocess
import tempfile
import weakref
from pathlib import Path

import numpy as np

SHIM = Path(__file__).parent / "cuda_on_host.h"
TYPES = {"int": ctypes.c_int, "float*": ctypes.c_void_p, "int*": ctypes.c_void_p}
DTYPES = {"float*": np.float32, "int*": np.int32}
SHARED_BYTES = 48 * 1024  # what a block has without asking for more


@functools.cache
def why_not_on_host():
    """Say why kernels cannot be run on the host.

    Returns
    -------
    str or None
        One clause, or None where they can.
    """
    if shutil.which("g++") is None:
        return "g++ is not installed"
    try:
        HostModule("")
    except (RuntimeError, OSError) as error:
        return f"g++ cannot compile for it ({str(error).strip().partition(chr(10))[0]})"
    return None


class HostModule:
    """What `ds2np.kernels.load` returns, without a GPU.

    Parameters
    ----------
    source : str
        CUDA kernels whose arguments are int, float* and int*.
    sanitize : bool
        Watch every index; the process has to be started with the address sanitizer loaded.

    Raises
    ------
    RuntimeError
        If the source cannot be compiled.
    """

    def __init__(self, source, sanitize=False):
        text = re.sub(r"//.*", "", source)
        self.kernels = {
            kernel: [one.replace("const ", "").split()[0] for one in arguments.split(",")]
            for kernel, arguments in re.findall(r"__global__ void (\w+)\((.*?)\)", text, re.S)
        }
        shared = "extern __shared__ float shared[]"
        text = text.replace(shared, "float* shared = host::shared_memory")
        text = f'#include "{SHIM}"\n{text}'
        for kernel, types in self.kernels.items():
            given = ", ".join(f"{kind} a{i}" for i, kind in enumerate(types))
            passed = ", ".join(f"a{i}" for i in range(len(types)))
            text += f'extern "C" int run_{kernel}(int blocks, int threads, int bytes, {given})\n'
            text += f"{{ return host::launch(blocks, threads, bytes, [=] {{ {kernel}({passed}); "
            text += "}); }\n"
        folder = Path(tempfile.mkdtemp(prefix="kernels"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        (folder / "kernels.cpp").write_text(text, encoding="utf-8")
        options = ["-fsanitize=address", "-g"] if sanitize else ["-O2", "-w"]
        command = ["g++", "-std=c++17", "-shared", "-fPIC", *options, "-o", "kernels.so"]
        compiled = subprocess.run(
            [*command, "kernels.cpp"], cwd=folder, capture_output=True, text=True, check=False
        )
        if compiled.returncode:
            raise RuntimeError(compiled.stderr)
        self.library = ctypes.CDLL(str(folder / "kernels.so"))

    def get_function(self, kernel):
        """Return a function that launches a kernel, as CuPy's RawModule does.

        Parameters
        ----------
        kernel : str

        Returns
        -------
        callable
            Takes grid, block, arguments and ``shared_mem``, in bytes. Raises RuntimeError if the
            kernel hangs, and TypeError for an argument that a kernel cannot take.
        """
        run, types = getattr(self.library, f"run_{kernel}"), self.kernels[kernel]
        run.argtypes = [ctypes.c_int] * 3 + [TYPES[kind] for kind in types]

        def launch(grid, block, arguments, shared_mem=0):
            given = [_convert(a, kind) for kind, a in zip(types, arguments, strict=True)]
            if shared_mem > SHARED_BYTES:
                raise ValueError(f"a block has no {shared_mem} bytes of shared memory")
            if block[0] % 32:
                raise ValueError(f"{block[0]} threads are no whole warps")
            if run(grid[0], block[0], shared_mem, *given):
                raise RuntimeError(f"{kernel} hangs: a part of its threads waits for the others")

        return launch


def _convert(argument, kind):
    """Check an argument as strictly as a GPU needs it: there a wrong one is not noticed."""
    if kind == "int":
        if not isinstance(argument, np.int32):
            raise TypeError(f"{argument!r} has to be an np.int32: a kernel's int has 32 bits")
        return argument
    if argument.dtype != DTYPES[kind] or not argument.flags.c_contiguous:
        raise TypeError(f"an argument is {argument.dtype}; needed is {kind}, without gaps")
    return argument.ctypes.data
