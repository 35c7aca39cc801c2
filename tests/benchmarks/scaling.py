"""How does a training step scale over processes, here and, by a model, over 8 to 128 GPUs?

    python tests/benchmarks/scaling.py [--preset small] [--processes 1 2] [--pairs 3]

Weak scaling gives each process a minibatch of its own size, strong scaling shares one out. Every
process has one thread; the numbers of processes are tried in turn, and the ratios are medians.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

UTTERANCES, SECONDS, STEPS = 8, 3, 4
# Of the model: a GPU's step of 0.5 s, 38 million parameters, messages of 10 us and 6 GB/s.
COMPUTE, PARAMETERS, LATENCY, BANDWIDTH = 0.5, 38e6, 1e-5, 6e9


def time_step(preset_name, kind):
    """Make some steps in each process; print the median time of the slowest, by rank 0."""
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()
    import numpy as np

    from ds2np.data.batches import Batch
    from ds2np.model import DeepSpeech2, preset
    from ds2np.optim import SGD
    from ds2np.parallel import connect
    from ds2np.parallel.buckets import Buckets
    from ds2np.train.step import add_gradients

    with connect() as comm:
        N = UTTERANCES if kind == "weak" else UTTERANCES // comm.size
        model, rng, T = DeepSpeech2(preset(preset_name)), np.random.default_rng(0), 100 * SECONDS
        x = rng.standard_normal((N, T, model.config.features), np.float32)
        labels, label_lengths = rng.integers(1, 20, (N, 8)), np.full(N, 8)
        batch = Batch(np.arange(N), x, np.full(N, T), labels, label_lengths)
        optimiser, buckets = SGD(model.params, model.grads, 1e-4), Buckets(model, comm)
        times = []
        for _ in range(STEPS):
            comm.barrier()
            began = time.perf_counter()
            model.zero_grads()
            add_gradients(model, batch, 1 / N, buckets.layer_done)
            buckets.finish()
            optimiser.step()
            comm.barrier()
            times.append(time.perf_counter() - began)
        if comm.rank == 0:
            print(json.dumps(statistics.median(times[1:])))


def run(preset_name, kind, processes):
    """Measure one number of processes."""
    launcher = [Path(sys.executable).with_name("mpiexec"), "-n", str(processes)]
    one_thread = ["-genv", "OPENBLAS_NUM_THREADS", "1"]
    child = [sys.executable, __file__, "--preset", preset_name, "--child", kind]
    done = subprocess.run([*launcher, *one_thread, *child], capture_output=True, check=True)
    return json.loads(done.stdout)


def main():
    """Measure here, and print the model's curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        time_step(args.preset, args.child)
        return
    for kind in ("weak", "strong"):
        rounds = [[run(args.preset, kind, p) for p in args.processes] for _ in range(args.pairs)]
        for k, processes in enumerate(args.processes):
            work = processes if kind == "weak" else 1
            gains = sorted(work * times[0] / times[k] for times in rounds)
            print(
                f"{kind}: {processes} processes, {statistics.median(gains):.2f} times the "
                f"utterances a second ({gains[0]:.2f} to {gains[-1]:.2f})"
            )
    sys.path.insert(0, str(ROOT))
    from ds2np.learn.scaling import PAPER_SAYS, Step, linearity, weak_scaling

    points = weak_scaling(Step(COMPUTE, 4 * PARAMETERS, LATENCY, BANDWIDTH))
    for point in points:
        print(f"model: {point.gpus} GPUs, {100 * point.efficiency:.1f} % of a straight line")
    print(f"model: slope {linearity(points):.3f}; the paper: {PAPER_SAYS}")


if __name__ == "__main__":
    main()
