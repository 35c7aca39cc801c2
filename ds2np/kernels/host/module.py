"""Running CUDA kernels without a GPU: compiled by g++, on NumPy arrays, block by block.

Slow; made for tests and for chapter 12. `cuda_on_host.h` says which errors it finds.
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
SHARED_BYTES = 48 * 1024  # per block, unless it requests more in a special way


@functools.cache
def why_not_on_host():
    """Return the reason why kernels cannot run on the host, as a clause, or None if they can."""
    if shutil.which("g++") is None:
        return "g++ is not installed"
    try:
        HostModule("")
    except (RuntimeError, OSError) as error:
        return f"g++ cannot compile kernels ({str(error).strip().partition(chr(10))[0]})"
    return None


class HostModule:
    """Replacement without a GPU for what `ds2np.kernels.load` returns.

    Parameters
    ----------
    source : str
        CUDA kernels with arguments of type int, float* and int*; a RuntimeError is raised if it
        cannot be compiled.
    sanitize : bool
        Check every index; the process must have been started with the address sanitizer loaded.
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

    def get_function(self, name):
        """Return a function that launches a kernel, with the arguments of CuPy's RawModule.

        It raises a RuntimeError if the kernel hangs, and a TypeError for a wrong argument type.
        """
        run, types = getattr(self.library, f"run_{name}"), self.kernels[name]
        run.argtypes = [ctypes.c_int] * 3 + [TYPES[kind] for kind in types]

        def launch(grid, block, args, *, shared_mem=0):
            given = [_convert(a, kind) for kind, a in zip(types, args, strict=True)]
            if shared_mem > SHARED_BYTES:
                raise ValueError(
                    f"shared memory is {shared_mem} bytes, expected at most {SHARED_BYTES}"
                )
            if block[0] % 32:
                raise ValueError(f"block has {block[0]} threads, expected a multiple of 32")
            if run(grid[0], block[0], shared_mem, *given):
                raise RuntimeError(f"{name} hangs: not all threads of a block reach a barrier")

        return launch


def _convert(argument, kind):
    """Check an argument strictly, since a GPU would not notice a wrong one."""
    if kind == "int":
        if not isinstance(argument, np.int32):
            raise TypeError(f"{argument!r} is not an np.int32, the int of a kernel")
        return argument
    if argument.dtype != DTYPES[kind] or not argument.flags.c_contiguous:
        raise TypeError(f"an argument is {argument.dtype}, expected a contiguous {kind}")
    return argument.ctypes.data
