"""All kernels compiled for each kind of GPU: warnings, registers, spills. No GPU is needed.

    python tests/benchmarks/gpu/kernel_files.py

prints the table of tests/benchmarks/README.md. NVRTC comes with CuPy's libraries.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from ds2np import kernels

ARCHITECTURES = (75, 80, 86, 89, 90, 100, 120)
# The macros of files that have some.
RECURRENT = [
    {"GATES": gates, "HIDDEN": hidden, "WARPS": warps}
    for gates, hidden, warps in (
        (3, 160, 16), (3, 256, 16), (3, 512, 16), (3, 512, 8), (1, 1280, 16), (1, 1510, 16),
    )
]  # fmt: skip
MACROS = {
    "ctc": [{"STATES": states} for states in (1, 3)],
    "small_product": [{"ROWS": rows, "WHOLE_PIECES": 1} for rows in (1, 8)],
    "recurrent_steps": [{"GATES": gates} for gates in (1, 3)],
    "recurrent_persistent": RECURRENT,
    "recurrent_tensor": [
        {"GATES": gates, "HIDDEN": hidden}
        for gates, hidden in ((3, 256), (3, 512), (1, 1280), (1, 1760))
    ],
}
WITHOUT = {"recurrent_tensor": (75,)}  # kinds of GPU that lack what a file needs: bf16


def variants():
    """List all kernel files, each with the macros that it is compiled with."""
    names = sorted(path.stem for path in kernels.FOLDER.glob("*.cu"))
    return [(name, macros) for name in names for macros in MACROS.get(name, [{}])]


def kernels_of(name):
    """Return the names of the kernels in a file."""
    text = re.sub(r"//.*", "", kernels.read_source(name))
    return set(re.findall(r"__global__ void\s+(?:__launch_bounds__\([^)]*\)\s+)?(\w+)", text))


def compile_kernels(name, macros, architecture):
    """Compile a kernel file as CuPy does; return the compiler's remarks."""
    from cupy._core import core
    from cupy_backends.cuda.libs import nvrtc

    program = nvrtc.createProgram(kernels.read_source(name), f"{name}.cu", (), ())
    options = core.assemble_cupy_compiler_options(())
    options += tuple(f"-D{macro}={value}" for macro, value in macros.items())
    options += ("-ftz=true", "--device-as-default-execution-space", "--ptxas-options=-v")
    try:
        nvrtc.compileProgram(program, (*options, f"-arch=sm_{architecture}"))
    except nvrtc.NVRTCError:
        return f"error: {nvrtc.getProgramLog(program)}"
    return nvrtc.getProgramLog(program)


def read_remarks(log):
    """Return the registers and the bytes of spilled registers of each kernel."""
    found = re.findall(
        r"entry function '(\w+)'.*?(\d+) bytes spill stores.*?Used (\d+) registers", log, re.S
    )
    return {kernel: (int(registers), int(spilled)) for kernel, spilled, registers in found}


def _cell(registers, spilled):
    return f"{registers} ({spilled})" if spilled else str(registers)


def print_table():
    """Print registers and, in brackets, spilled bytes, for all kernels and kinds of GPU.

    Raises SystemExit if the compiler warns.
    """
    print("| kernel | " + " | ".join(f"sm_{a}" for a in ARCHITECTURES) + " |")
    print("|---" * (1 + len(ARCHITECTURES)) + "|")
    for name, macros in variants():
        logs = [
            "" if a in WITHOUT.get(name, ()) else compile_kernels(name, macros, a)
            for a in ARCHITECTURES
        ]
        for log in logs:
            if "warning" in log.lower() or "error" in log.lower():
                raise SystemExit(f"{name}.cu, {macros}: {log}")
        of_each = [read_remarks(log) for log in logs]
        sizes = ", ".join(f"{macro} {value}" for macro, value in macros.items())
        for kernel in sorted(kernels_of(name)):
            cells = [_cell(*found[kernel]) if found else "" for found in of_each]
            title = ", ".join(filter(None, (name, kernel, sizes)))
            print(f"| {title} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    print_table()
