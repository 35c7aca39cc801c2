"""How well does the Mandarin demo learn, with several seeds and other strides?

    python tests/benchmarks/mandarin_demo.py FOLDER [--seeds 0 1 2] [--strides 2 2] [--epochs 7]

Each seed gives another corpus, in FOLDER/SEED/corpus, and another network. The demo prints the
error rates of greedy decoding and of beam search with its 5-gram; this adds the seconds of wall
time and of all cores.
"""

import argparse
import dataclasses
import time
from pathlib import Path

from ds2np import machine


def main():
    """Run the demo with each seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--strides", type=int, nargs=2, help="in time, of the two convolutions")
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    machine.tune()  # before NumPy is imported
    from ds2np.commands import demo

    changes = {"time_strides": args.strides, "epochs": args.epochs}
    recipe = dataclasses.replace(
        demo.RECIPES["zh"], **{name: value for name, value in changes.items() if value}
    )
    demo.RECIPES["zh"] = recipe
    for seed in args.seeds:
        wall, cores = time.perf_counter(), time.process_time()
        demo.run_demo(args.folder / str(seed), restart=True, language="zh", seed=seed)
        wall, cores = time.perf_counter() - wall, time.process_time() - cores
        print(f"seed {seed}, {recipe}: {wall:.0f} s, {cores:.0f} s of all cores", flush=True)


if __name__ == "__main__":
    main()
