"""How long does a training take? The time of a training step for each second of sound, estimated.

    python tests/benchmarks/training_speed.py --preset small [--symbols 4300] [--strides 2 2]

Features and transcripts are random, three characters a second. A step is forward, loss, backward,
update and moving average; reading the recordings comes on top. Processor time counts all threads:
divided by the cores, it is what a machine without other work takes at least.
"""

import argparse
import itertools
import resource
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

RATE = 3  # characters a second
FIRST = 0x4E00  # the first of the Chinese characters


def main():
    """Print the seconds of a step, and of an epoch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="small")
    parser.add_argument("--symbols", type=int, default=4300)
    parser.add_argument("--strides", type=int, nargs="+", default=[2, 2], help="in time")
    parser.add_argument("--seconds", type=float, default=4.5, help="of an utterance")
    parser.add_argument("--utterances", type=int, default=16, help="of a minibatch")
    parser.add_argument("--hours", type=float, default=150, help="of an epoch")
    parser.add_argument("--steps", type=int, default=5)
    args = parser.parse_args()
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    step, parameters = make_step(args)
    step()
    wall, cores = [], []
    for _ in range(args.steps):
        began = time.perf_counter(), time.process_time()
        step()
        wall.append(time.perf_counter() - began[0])
        cores.append(time.process_time() - began[1])
    sound = args.utterances * args.seconds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"{args.preset}: {parameters / 1e6:.1f} million parameters, {peak:.0f} MB")
    for name, times in (("wall time", wall), ("processor time", cores)):
        each = statistics.median(times) / sound
        print(
            f"{name}: {each:.4f} s for a second of sound ({min(times) / sound:.4f} to "
            f"{max(times) / sound:.4f}), {args.hours * each:.1f} h for {args.hours:g} h"
        )


def make_step(args):
    """Return a training step on a random minibatch, and the number of parameters."""
    import dataclasses

    import numpy as np

    from ds2np.data.batches import Batch
    from ds2np.model import DeepSpeech2, preset
    from ds2np.optim import SGD
    from ds2np.optim.ema import EMA
    from ds2np.train.step import add_gradients

    characters = "".join(chr(FIRST + i) for i in range(args.symbols))
    config = dataclasses.replace(preset(args.preset), characters=characters)
    config = config.with_time_strides(args.strides)
    model = DeepSpeech2(config)
    model.set_training(True)
    rng, N, L = np.random.default_rng(0), args.utterances, int(RATE * args.seconds)
    frames = config.count_frames(args.seconds)
    x = rng.standard_normal((N, frames, config.features), np.float32)
    labels = rng.integers(1, args.symbols + 1, (N, L))
    batch = Batch(np.arange(N), x, np.full(N, frames), labels, np.full(N, L))
    optimiser, steps = SGD(model.params, model.grads, 1e-4, 0.95, 100), itertools.count(1)
    ema = EMA(model.params, 0.98)

    def step():
        model.zero_grads()
        add_gradients(model, batch, 1 / N)
        optimiser.step(ema, next(steps))

    return step, model.count_parameters()


if __name__ == "__main__":
    main()
