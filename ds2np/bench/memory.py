"""PyTorch's side of the benchmark, and the peak memory of an item on either side."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

from ds2np.backend import CPU, free_pool
from ds2np.bench.items import ITEMS
from ds2np.errors import UserError
from ds2np.machine import peak_memory


def import_torch_side():
    """Import PyTorch's side of the benchmark and give it as many threads as NumPy."""
    try:
        side = importlib.import_module("ds2np.bench.torch_side")
    except ImportError as error:
        if error.name != "torch":
            raise
        raise UserError("a comparison with PyTorch needs it: pip install torch") from None
    side.use_all_cores()
    return side


def measure_memory(name, side):
    """Measure the peak memory of an item ("ours" or "torch") in a process of its own, in bytes."""
    # As each is commonly run: our commands tune the process, which keeps freed memory.
    tune = "from ds2np.machine import tune; tune(); " if side == "ours" else ""
    code = f"{tune}from ds2np.bench.memory import print_memory; print_memory({name!r}, {side!r})"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if child.returncode:
        reason = (child.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise UserError(f"the memory of {name} cannot be measured: {reason}")
    return int(child.stdout)


def print_memory(name, side):
    """Run an item in this process and print its peak memory, for `measure_memory`."""
    item = ITEMS[name](CPU)
    step = item.make_ours() if side == "ours" else item.make_torch(import_torch_side(), "cpu")
    before = _memory_taken()
    for _ in range(3):
        step()
    print(peak_memory() - before)


def measure_gpu_memory(item, device):
    """Measure the peak of our arrays on a GPU when an item runs, in bytes."""
    free_pool()
    item.make_ours()()
    return device.peak_memory()


def _memory_taken():
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
