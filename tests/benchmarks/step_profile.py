"""Where does the time of a training step go? Each layer's share, and this machine's two ceilings.

    python tests/benchmarks/step_profile.py

The ceilings (the "roofline"): no layer multiplies faster than a large matrix product, and none that
hardly multiplies is faster than its numbers come from memory.
"""

import statistics
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from ds2np import machine

machine.tune()  # before NumPy is imported

import numpy as np  # noqa: E402

from ds2np.backend import to_cpu  # noqa: E402
from ds2np.bench.items import ITEMS  # noqa: E402
from ds2np.model import network  # noqa: E402

STEPS = 7


def time_each(step, count=STEPS):
    """Return the median seconds of some runs after a first one."""
    step()
    times = []
    for _ in range(count):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def measure(seconds, function, *arguments):
    """Call a function and add its time to a list."""
    began = time.perf_counter()
    out = function(*arguments)
    seconds.append(time.perf_counter() - began)
    return out


def main():
    """Print the ceilings, then the layers of a training step."""
    gemm = ITEMS["gemm"](to_cpu)
    print(f"matrix product: {gemm.flop / time_each(gemm.make_ours()) / 1e9:.0f} GFLOP/s")
    x, y = np.ones(50_000_000, np.float32), np.ones(50_000_000, np.float32)
    print(f"memory: {2 * x.nbytes / time_each(partial(np.copyto, y, x)) / 1e9:.0f} GB/s (copying)")

    seconds, build = defaultdict(list), network.build_layers

    def build_timed(*arguments):
        layers = build(*arguments)
        for name, layer in layers.items():
            for way in ("forward", "backward"):
                timed = partial(measure, seconds[name, way], getattr(layer, way))
                setattr(layer, way, timed)
        return layers

    network.build_layers = build_timed
    step = ITEMS["training-step"](to_cpu).make_ours()
    step()
    for of_layer in seconds.values():
        of_layer.clear()
    began = time.perf_counter()
    for _ in range(STEPS):
        step()
    whole = time.perf_counter() - began
    print(f"training step of small, 16 x 5 s: {1000 * whole / STEPS:.0f} ms")
    print(f"{'':<16} forward  backward")
    rest = whole
    for name in dict.fromkeys(name for name, _ in seconds):
        ways = [sum(seconds[name, way]) for way in ("forward", "backward")]
        rest -= sum(ways)
        print(f"{name:<16}" + "".join(f"{share / whole:8.1%}  " for share in ways))
    print(f"CTC, update and the rest {rest / whole:.1%}")


if __name__ == "__main__":
    main()
