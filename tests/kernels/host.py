"""Compile a file of CUDA kernels for the host, and run its kernels on NumPy arrays."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ds2np.kernels import FOLDER

SHIM = Path(__file__).with_name("cuda_on_host.h")
TYPES = {"int": ctypes.c_int, "float*": ctypes.c_void_p, "int*": ctypes.c_void_p}


class HostModule:
    """What `ds2np.kernels.load` returns, without a GPU."""

    def __init__(self, name, folder, change=lambda text: text, sanitize=False):
        compiler = shutil.which("g++")
        if compiler is None:
            pytest.skip("no g++ to compile kernels for the host")
        text = re.sub(r"//.*", "", change((FOLDER / f"{name}.cu").read_text()))
        self.kernels = {
            kernel: [one.removeprefix("const ").split()[0] for one in _split(arguments)]
            for kernel, arguments in re.findall(r"__global__ void (\w+)\((.*?)\)", text, re.S)
        }
        text = text.replace(
            "extern __shared__ float shared[]", "float* shared = host::shared_memory"
        )
        text = f'#include "{SHIM}"\n{text}'
        for kernel, types in self.kernels.items():
            given = ", ".join(f"{kind} a{i}" for i, kind in enumerate(types))
            passed = ", ".join(f"a{i}" for i in range(len(types)))
            text += f'extern "C" int run_{kernel}(int blocks, int threads, int bytes, {given})\n'
            text += f"{{ return host::launch(blocks, threads, bytes, [=] {{ {kernel}({passed}); "
            text += "}); }\n"
        source, library = folder / f"{name}.cpp", folder / f"{name}.so"
        source.write_text(text)
        options = ["-fsanitize=address", "-g"] if sanitize else ["-O2"]
        subprocess.run(
            [compiler, "-std=c++17", "-shared", "-fPIC", *options, "-o", library, source],
            check=True,
        )
        self.library = library

    def get_function(self, kernel):
        run = getattr(ctypes.CDLL(self.library), f"run_{kernel}")
        types = self.kernels[kernel]
        run.argtypes = [ctypes.c_int] * 3 + [TYPES[kind] for kind in types]

        def launch(grid, block, arguments, shared_mem=0):
            given = []
            for kind, argument in zip(types, arguments, strict=True):
                if kind == "int":
                    assert isinstance(argument, np.int32)  # a Python int becomes a long long
                else:
                    assert argument.flags.c_contiguous
                    assert argument.dtype == {"float*": np.float32, "int*": np.int32}[kind]
                    argument = argument.ctypes.data
                given.append(argument)
            assert shared_mem <= 48 * 1024
            if run(grid[0], block[0], shared_mem, *given):
                raise RuntimeError(f"{kernel} hangs")

        return launch


def _split(arguments):
    return [" ".join(one.split()) for one in arguments.split(",")]
