"""Exercises in CUDA: the answer returns a kernel's source; it is compiled and run on the host.

A launch is repeated with threads in other orders and with other numbers in memory that nobody has
written. From what changes then, the message says what is wrong: a write outside of an array, a read
of memory that nobody has written, a race, or the arithmetic.
"""

import functools
import io
import re
from collections.abc import Callable
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass

import numpy as np

from ds2np.kernels.host import HostModule, why_not_on_host
from ds2np.kernels.host.module import FILE, NAN, without_comments
from ds2np.learn.difference import Rules, find_difference
from ds2np.learn.exercise import NOT_DONE, WRONG, Exercise, Verdict, describe_error
from ds2np.learn.guarded_launch import KernelFault, beside, bits, run_kernel

LARGE = 0x7F  # in each byte: 3.39e38 as a float
RUNS = (("forward", NAN), ("backward", LARGE), ("random", NAN))
# What the host's compiler knows and a GPU's does not.
UNKNOWN = {
    r"#\s*include": "CuPy's compiler has no header files; leave out #include",
    r"\bstd::": "a GPU's compiler has no std::; write expf for std::exp, fmaxf for std::max",
}
NEEDS_DEFINE = ("INFINITY", "NAN", "FLT_MAX")


@dataclass(frozen=True)
class KernelExercise(Exercise):
    """A CUDA kernel for the reader to write. The answer is a function that returns the source.

    Attributes
    ----------
    kernel : str
        Name of the kernel.
    launch : callable
        Takes the arguments of a case, which are those of the reference, and returns a `Launch`.
    """

    kernel: str = ""
    launch: Callable = None

    def check(self, answer):
        """Compile the answer's kernel, compare its results in all cases and return a `Verdict`."""
        if not callable(answer):
            return super().check(answer)
        try:
            source = answer()
        except NotImplementedError:
            return Verdict(NOT_DONE)
        except (Exception, SystemExit) as error:
            return Verdict(WRONG, describe_error(error, answer))
        if source is None:
            return Verdict(WRONG, "the answer is None; is a return missing?")
        if not isinstance(source, str):
            found = type(source).__name__
            return Verdict(WRONG, f"expected the kernel's source as a string, got {found}")
        if fault := self._fault_of_source(source):
            return Verdict(WRONG, fault)
        try:
            module = compile_kernel(source)
        except (RuntimeError, OSError) as error:
            if reason := why_not_on_host():
                return Verdict(NOT_DONE, f"your kernel cannot be checked here, since {reason}")
            return Verdict(WRONG, _explain_compiler(str(error), source))

        @functools.wraps(self.reference)  # whose arguments messages name
        def compiled():
            return module

        return super().check(compiled)

    def _fault_of_source(self, source):
        text = without_comments(source)
        if not re.search(rf"__global__\b[^{{]*\b{self.kernel}\s*\(", text):
            return f"there is no kernel {self.kernel}: expected `__global__ void {self.kernel}(`"
        if not re.search(r'extern\s+"C"', text):
            return (
                f'extern "C" is missing before __global__: without it, C++ gives {self.kernel} '
                f"another name, by which CuPy does not find it"
            )
        for pattern, message in UNKNOWN.items():
            if re.search(pattern, text):
                return message
        for name in NEEDS_DEFINE:
            if re.search(rf"\b{name}\b", text) and not re.search(rf"#define\s+{name}\b", text):
                return (
                    f"CuPy's compiler does not know {name}; begin with a line such as "
                    f"`#define INFINITY __int_as_float(0x7f800000)`"
                )
        return ""

    def _fault(self, answer, arguments):
        module, launch = answer(), self.launch(*arguments)
        expected = self.reference(*arguments)
        if fault := self._fault_of_arguments(module, launch):
            return fault
        several = expected if isinstance(expected, tuple) else (expected,)
        expected = dict(zip(launch.results, several, strict=True))
        for order, fill in RUNS:
            try:
                with nullcontext() if order == "forward" else _quiet():  # it prints once
                    got = run_kernel(module, self.kernel, launch, order, fill)
            except KernelFault as fault:
                return str(fault)
            if difference := self._difference(got, expected):
                with _quiet():
                    return self._explain(module, launch, (order, fill), difference, got)
        return ""

    def _fault_of_arguments(self, module, launch):
        wanted = [_kind(value) for value in launch.given.values()]
        if module.kernels.get(self.kernel) == wanted:
            return ""
        names = ", ".join(f"{kind} {name}" for kind, name in zip(wanted, launch.given, strict=True))
        return f"the arguments of {self.kernel} are not those of the task: expected ({names})"

    def _difference(self, got, expected):
        """Describe the first result that differs, with its name."""
        for name, value in expected.items():
            if fault := find_difference(got[name], value, Rules(self.tolerance)):
                return f"{name}: {fault}"
        return ""

    def _explain(self, module, launch, first, difference, got):
        """Say what kind of mistake it is, from runs in other orders and with other memory."""
        order, fill = first
        try:
            others = [
                run_kernel(module, self.kernel, launch, other, fill)
                for other, _ in RUNS
                if other != order
            ]
            other_fill = LARGE if fill == NAN else NAN
            filled = run_kernel(module, self.kernel, launch, order, other_fill)
        except KernelFault as fault:
            return str(fault)
        for name, array in got.items():
            both = (array, fill), (filled[name], other_fill)
            untouched = np.all([(bits(a) == beside(byte)).all(-1) for a, byte in both], axis=0)
            if untouched.any():
                where = ", ".join(map(str, np.argwhere(untouched)[0]))
                return f"no thread writes {name}[{where}]"
        if any(self._difference(other, got) for other in others):
            return (
                f"the result depends on the order in which threads run; is a __syncthreads() "
                f"missing, or do two threads write to one place? {difference}"
            )
        if self._difference(filled, got):
            return (
                f"the result depends on memory that nobody has written: an index beyond the end of "
                f"an array, or a variable that is read before it is written; {difference}"
            )
        return difference


def _quiet():
    return redirect_stdout(io.StringIO())


@functools.lru_cache(8)
def compile_kernel(source):
    """Compile a kernel's source for the host, with checks of its indices."""
    return HostModule(source, bounds=True)


def _kind(value):
    name = {"int32": "int", "float32": "float", "float64": "double"}[str(value.dtype)]
    return name + "*" * isinstance(value, np.ndarray)


def _explain_compiler(output, source):
    """Return the first error of the compiler, with the line of the reader's source."""
    found = re.search(rf"^{re.escape(FILE)}:(\d+):\d+: (?:fatal )?error: (.*)", output, re.M)
    lines = source.splitlines()
    if found is None or int(found[1]) > len(lines):
        return "the kernel cannot be compiled: is a brace missing, or an argument of another type?"
    number = int(found[1])
    return (
        f"the kernel cannot be compiled: line {number}, `{lines[number - 1].strip()}`: {found[2]}"
    )
