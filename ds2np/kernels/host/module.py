"""Running CUDA kernels without a GPU: compiled by g++, on NumPy arrays, block by block.

Slow; made for tests and for chapter 12. `cuda_on_host.h` says which errors it finds.
"""

import ctypes
import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

QUALIFIERS = ("const", "volatile", "__restrict__")
FILE = "kernel.cu"  # in the compiler's messages
SHIM = Path(__file__).parent / "cuda_on_host.h"
NUMBERS = {
    "int": np.int32,
    "unsigned": np.uint32,
    "ushort": np.uint16,
    "float": np.float32,
    "double": np.float64,
}
ORDERS = ("forward", "backward", "random")
NAN = 0xFF  # in each byte: not a number, and -1 as an integer
SHARED_BYTES = 48 * 1024  # per block, unless a kernel asks for more
MOST_SHARED_BYTES = 227 * 1024  # of a block on an H100


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
        CUDA kernels with arguments of type int, unsigned, ushort, float and double, and pointers to
        them; a RuntimeError is raised if it cannot be compiled.
    sanitize : bool
        Check every index; the process must have been started with the address sanitizer loaded.
    cooperative : bool
        All blocks run at once and may wait for each other. Shared memory must be `extern` then.
    order : {"forward", "backward", "random"}
        In which threads run from one barrier to the next. A kernel whose result depends on it has a
        race.
    defines : dict of str to int, optional
        Macros, such as sizes that the compiler has to know.
    bounds : bool
        Check the indices of arrays whose size the compiler knows. Compiles faster, runs slower.

    Attributes
    ----------
    kernels : dict of str to list of str
        The types of each kernel's arguments.
    fill : int
        What each byte of shared memory and of local variables holds before it is written.
    """

    def __init__(
        self,
        source,
        sanitize=False,
        cooperative=False,
        order="forward",
        defines=None,
        bounds=False,
    ):
        self.cooperative, self.order, self.fill = cooperative, ORDERS.index(order), NAN
        text = without_comments(source)
        self.kernels = {
            kernel: [_kind(one) for one in arguments.split(",") if one.strip()]
            for kernel, arguments in re.findall(
                r"__global__\s+void\s+(?:__launch_bounds__\(.*?\)\s+)?(\w+)\s*\((.*?)\)", text, re.S
            )
        }
        text = re.sub(
            r"extern\s+__shared__\s+(\w+)\s+(\w+)\s*\[\s*\]",
            r"\1* \2 = (\1*)host::shared_memory",
            text,
        )
        if cooperative and "__shared__" in text:
            raise ValueError("blocks that run together cannot have shared memory of a fixed size")
        macros = "".join(f"#define {name} {value}\n" for name, value in (defines or {}).items())
        text = f'#include "{SHIM}"\n{macros}#line 1 "{FILE}"\n{text}\n#line 1 "launcher"\n'
        for name in ("fault", "printed"):
            text += f'extern "C" const char* host_{name}() {{ return host::{name}.c_str(); }}\n'
        for kernel, types in self.kernels.items():
            given = "".join(f", {kind} a{i}" for i, kind in enumerate(types))
            passed = ", ".join(f"a{i}" for i in range(len(types)))
            text += f'extern "C" int run_{kernel}(int blocks, int threads, int bytes, int together,'
            text += f" int order, int fill{given})\n{{ return host::launch(blocks, threads, bytes, "
            text += f"together, order, fill, [=] {{ {kernel}({passed}); }}); }}\n"
        with tempfile.TemporaryDirectory(prefix="kernels") as folder:
            self.library = _compile(text, Path(folder), sanitize, bounds)
        self.library.host_fault.restype = self.library.host_printed.restype = ctypes.c_char_p

    def get_function(self, name):
        """Return a `HostKernel`, to be launched with the arguments of CuPy's RawKernel."""
        return HostKernel(self, name)


class HostKernel:
    """A kernel of a `HostModule`; called as ``kernel(grid, block, arguments, shared_mem=bytes)``.

    What it prints by ``printf`` is printed, up to 4000 letters.

    A launch raises a RuntimeError if the kernel hangs, an IndexError if `HostModule` found one, a
    TypeError for a wrong argument type, and a ValueError for a block or a size of shared memory
    that a GPU would refuse.
    """

    def __init__(self, module, name):
        self.module, self.name = module, name
        self.types = module.kernels[name]
        self.run = getattr(module.library, f"run_{name}")
        self.run.argtypes = [ctypes.c_int] * 6 + [_c_type(kind) for kind in self.types]
        self.max_dynamic_shared_size_bytes = SHARED_BYTES

    def __call__(self, grid, block, args, *, shared_mem=0):
        given = [_convert(a, kind) for kind, a in zip(self.types, args, strict=True)]
        most = min(self.max_dynamic_shared_size_bytes, MOST_SHARED_BYTES)
        if shared_mem > most:
            raise ValueError(f"shared memory is {shared_mem} bytes, expected at most {most}")
        if block[0] % 32 or not 0 < block[0] <= 1024:
            raise ValueError(f"block has {block[0]} threads, expected a multiple of 32 up to 1024")
        sizes = grid[0], block[0], shared_mem, self.module.cooperative
        failed = self.run(*sizes, self.module.order, self.module.fill, *given)
        print(self.module.library.host_printed().decode(errors="replace"), end="")
        if failed:
            if fault := self.module.library.host_fault():
                raise IndexError(fault.decode())
            raise RuntimeError(
                f"{self.name} hangs: not all threads that wait for each other arrive"
            )


def without_comments(source):
    """Return CUDA's text without its comments, with the same lines."""
    return re.sub(
        r"//[^\n]*|/\*.*?\*/", lambda found: "\n" * found[0].count("\n") or " ", source, flags=re.S
    )


def _compile(text, folder, sanitize, bounds):
    """Return the library; nothing of it stays on the disk."""
    (folder / "kernels.cpp").write_text(text, encoding="utf-8")
    options = ["-fsanitize=address", "-g"] if sanitize else ["-w", "-O0" if bounds else "-O2"]
    checks = ["-fsanitize=bounds"] if bounds else []
    for command in (  # twice, since the compiler's own library of checks is not wanted
        ["-std=c++17", "-fPIC", "-c", *options, *checks, "kernels.cpp"],
        ["-shared", *options, "-o", "kernels.so", "kernels.o"],
    ):
        run = subprocess.run(
            ["g++", *command],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},  # its messages are read
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(run.stderr)
    return ctypes.CDLL(str(folder / "kernels.so"))


def _kind(argument):
    """Return the type of a kernel's argument, such as "float*"."""
    words = [word for word in re.findall(r"\w+", argument) if word not in QUALIFIERS][:-1]
    kind = "unsigned" if words == ["unsigned", "int"] else " ".join(words)
    return kind + "*" * (len(re.findall(r"[*[]", argument)))


def _c_type(kind):
    return ctypes.c_void_p if kind[-1] == "*" else np.ctypeslib.as_ctypes_type(NUMBERS[kind])


def _convert(argument, kind):
    """Check an argument strictly, since a GPU would not notice a wrong one."""
    dtype = NUMBERS[kind.rstrip("*")]
    if kind[-1] != "*":
        if not isinstance(argument, dtype):
            raise TypeError(f"{argument!r} is not an np.{dtype.__name__}, the {kind} of a kernel")
        return argument
    if argument.dtype != dtype or not argument.flags.c_contiguous:
        raise TypeError(f"an argument is {argument.dtype}, expected a contiguous {kind}")
    return argument.ctypes.data
