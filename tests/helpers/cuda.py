"""Many versions of a kernel, made by a program, and compiled together."""

import re

from ds2np.kernels.host import HostModule

CHANGES = {
    r" < ": " <= ",
    r" >= ": " > ",
    r" > ": " >= ",
    r" == ": " != ",
    r" \+ ": " - ",
    r" - ": " + ",
    r" \* ": " / ",
    r" / ": " * ",
    r" % ": " / ",
    r" \+= ": " = ",
    r" /= ": " -= ",
    r"\bfmaxf\b": "fminf",
    r"\bfminf\b": "fmaxf",
    r"\bexpf\b": "logf",
    r"\blog1pf\b": "logf",
    r"\btanhf\b": "expf",
    r"\bthreadIdx\b": "blockIdx",
    r"\bblockIdx\b": "threadIdx",
    r"\bblockDim\b": "gridDim",
    r"\btrue\b": "false",
    r"\bfalse\b": "true",
    r"__syncthreads\(\);": ";",
    r"(?<=\()-(?=\w)": "",
    r"(?<=\[)\w+(?=\]( |\)))": "0",
    r"\bif \([^;{]*?\) ": "",
}
NUMBER = r"(?<![\w.\[])\d+(?![\w\]])"
STEP = r"for \([^;]*;[^;]*;[^)]*"  # how a loop goes on: changed, it would seldom end


def mutate(source):
    """Yield a kernel's source with one small change each, as pairs of (what, source)."""
    places = [(found, new) for old, new in CHANGES.items() for found in re.finditer(old, source)]
    for found in re.finditer(NUMBER, source):
        places += [(found, str(int(found[0]) + step)) for step in (1, -1)]
    steps = [(step.start() + step[0].rindex(";"), step.end()) for step in re.finditer(STEP, source)]
    for found, new in places:
        if found[0] == new or any(start <= found.start() <= end for start, end in steps):
            continue
        start = source.rfind("\n", 0, found.start()) + 1
        line = source[start : source.index("\n", found.start())].strip()
        changed = source[: found.start()] + new + source[found.end() :]
        yield (
            f"`{found[0].strip()}` -> `{new.strip()}`, {found.start() - start}, in `{line}`",
            changed,
        )


class _Part:
    """One of several kernels that were compiled together, as a `HostModule` of its own."""

    def __init__(self, module, kernel, number):
        self._module, self._number = module, number
        self.kernels = {kernel: module.kernels[f"{kernel}_{number}"]}

    def get_function(self, name):
        self._module.order, self._module.fill = self.order, self.fill
        return self._module.get_function(f"{name}_{self._number}")


def compile_together(sources, kernel):
    """Compile kernels of one name, as quickly as one; return a dict from source to module."""
    sources = list(dict.fromkeys(sources))
    together = ""
    for i, source in enumerate(sources):
        renamed = re.sub(rf"\b{kernel}(?=\s*\()", f"{kernel}_{i}", source)
        together += f"namespace version_{i} {{\n{renamed}\n}}\nusing version_{i}::{kernel}_{i};\n"
    module = HostModule(together, bounds=True)
    return {source: _Part(module, kernel, i) for i, source in enumerate(sources)}
