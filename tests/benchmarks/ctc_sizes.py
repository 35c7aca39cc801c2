"""How do CTC's loss and gradient compare with PyTorch's, from one utterance to 6000 symbols?

    python tests/benchmarks/ctc_sizes.py [--pairs 9] [--only 0 3] [--growth]

Time and peak memory in float32, one thread each, and the largest error of the gradient against
float64. Each run is repeated for 0.3 s; the two sides alternate, and ratios are medians of pairs.
--growth: our time and memory alone, by the number of symbols and of labels.
"""

import argparse
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

from ds2np import machine  # noqa: E402

SIZES = (  # T, N, L, V; the fifth and the sixth are those of `python -m ds2np bench`
    *((200, 1, 40, 29), (800, 8, 10, 29), (400, 8, 190, 6000), (5000, 1, 1200, 6000)),
    *((250, 16, 70, 29), (750, 64, 150, 29), (250, 16, 30, 6000), (250, 16, 100, 6000)),
)
GROWTH = (
    *((250, 16, 30, V) for V in (29, 100, 500, 1500, 3000, 6000, 12000)),
    *((250, 16, L, 6000) for L in (10, 60, 120)),
)
ROW = "{:>22}{:>10}{:>11}  {:20}{:>7}{:>11}{:>7}{:>10}{:>11}"


def make_item(size):
    """Return the benchmark's item of CTC for a size."""
    from ds2np.backend import CPU
    from ds2np.bench.items import ctc

    T, N, L, V = size
    return ctc(CPU, N=N, T=T, L=L, V=V)


def torch_side():
    """Import PyTorch's side and give it one thread."""
    import torch

    from ds2np.bench import torch_side

    torch_side.use_all_cores = lambda: torch.set_num_threads(1)
    torch_side.use_all_cores()
    return torch_side


def print_memory(size, side):
    """Print the peak memory of one side, for `measure_memory`."""
    from ds2np.bench import items, memory

    if side == "torch":
        torch_side()
    items.ITEMS["size"] = lambda device: make_item(size)
    memory.print_memory("size", side)


def measure_memory(size, side):
    """Measure the peak memory of one side in a process of its own, in MB."""
    command = [sys.executable, __file__, "--memory", side, "--size", *map(str, size)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout) / 1e6


def largest_error(size, gradient):
    """Return the largest error of a gradient, against the same utterances in float64."""
    import numpy as np

    from ds2np.ctc import ctc_loss

    T, N, L, V = size
    rng = np.random.default_rng(0)  # as in the item
    logits, labels = rng.standard_normal((N, T, V), np.float32), rng.integers(1, V, (N, L))
    exact = ctc_loss(logits.astype(np.float64), labels, np.full(N, T), np.full(N, L))[1]
    return np.abs(gradient - exact).max()


def measure(number, pairs):
    """Measure one size; print its row."""
    import numpy as np

    from ds2np.backend import CPU
    from ds2np.bench.run import MIN_SECONDS
    from ds2np.bench.timing import spread, time_in_turn

    item, side = make_item(SIZES[number]), torch_side()
    steps = [item.make_ours(), item.make_torch(side, "cpu")]
    ours, theirs = (np.asarray(step()["gradient"]) for step in steps)
    errors = [f"{largest_error(SIZES[number], gradient):.1e}" for gradient in (ours, theirs)]
    del ours, theirs
    repeats = np.ceil(MIN_SECONDS / time_in_turn(steps, 1, CPU)).astype(int)  # (2, 1)
    steps = [partial(run, step, times) for step, times in zip(steps, repeats[:, 0], strict=True)]
    seconds = time_in_turn(steps, pairs, CPU) / repeats
    times = [f"{1000 * median:.2f}" for median in np.median(seconds, axis=1)]
    ratio = spread(seconds[0] / seconds[1])
    ratio = "{median:.2f} ({min:.2f} to {max:.2f})".format(**ratio)
    memory = [measure_memory(SIZES[number], name) for name in ("ours", "torch")]
    taken = *(f"{each:.1f}" for each in memory), f"{memory[0] / memory[1]:.2f}"
    print(ROW.format(str(SIZES[number]), *times, ratio, *taken, *errors), flush=True)


def measure_growth(pairs):
    """Measure our side at the sizes of `GROWTH` in turn; print time and memory by V and L."""
    import numpy as np

    from ds2np.backend import CPU
    from ds2np.bench.timing import time_in_turn

    steps = [make_item(size).make_ours() for size in GROWTH]
    time_in_turn(steps, 1, CPU)
    times = 1000 * np.median(time_in_turn(steps, pairs, CPU), axis=1)
    for size, ms in zip(GROWTH, times, strict=True):
        print(f"{size!s:>22}{ms:10.2f} ms{measure_memory(size, 'ours'):10.1f} MB", flush=True)


def run(step, times):
    for _ in range(times):
        step()


def main():
    """Measure all sizes, or those asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--only", type=int, nargs="+", default=range(len(SIZES)))
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory != "torch":  # as either is commonly run: our commands tune the process
        machine.tune()
    if args.memory:
        print_memory(args.size, args.memory)
        return
    if args.growth:
        measure_growth(args.pairs)
        return
    titles = "(T, N, L, V)", "ours, ms", "PyTorch's", "ratio", "MB", "PyTorch's", "ratio"
    print(ROW.format(*titles, "error", "PyTorch's"))
    for number in args.only:
        measure(number, args.pairs)


if __name__ == "__main__":
    main()
