"""Peak memory of a part, measured in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from ds2np.backend import CPU
from ds2np.bench.items import ITEMS
from ds2np.errors import UserError
from ds2np.machine import peak_memory


def measure_memory(name, side):
    """Measure the peak memory of a part, in a process of its own.

    Parameters
    ----------
    name : str
        In `ds2np.bench.items.ITEMS`.
    side : {"ours", "torch"}

    Returns
    -------
    int
        Bytes at the peak, above what was taken before the first run.
    """
    # Each as it is commonly run: ours as the commands do, which keeps freed memory.
    tune = "from ds2np.machine import tune; tune(); " if side == "ours" else ""
    code = f"{tune}from ds2np.bench.memory import print_memory; print_memory({name!r}, {side!r})"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"the memory of {name} cannot be measured: {reason}")
    return int(child.stdout)


def print_memory(name, side):
    """Run a part in this process and print its peak memory, for `measure_memory`."""
    from ds2np.bench.run import import_torch_side

    item = ITEMS[name](CPU)
    step = item.make_ours() if side == "ours" else item.make_torch(import_torch_side(), "cpu")
    before = _memory_taken()
    for _ in range(3):
        step()
    print(peak_memory() - before)


def _memory_taken():
    """Return the bytes of main memory that this process takes now, by Linux's account."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
