"""Does an epoch take less time than PyTorch's? Train by both, some minibatches each in turn.

    python tests/benchmarks/epoch.py TRAIN.jsonl [--preset small] [--longest 12] [--epochs 1]

Ours reads the recordings and makes the spectrograms within its time, nothing in advance, and keeps
a mean of its weights; PyTorch is given the spectrograms for nothing. Both networks see the same
minibatches in the same order.
"""

import argparse
import itertools
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def main():
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, metavar="TRAIN.jsonl")
    parser.add_argument("--preset", default="small")
    parser.add_argument("--longest", type=float, default=12, help="seconds")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--turn", type=int, default=5, help="minibatches before the other's turn")
    compare(parser.parse_args())


def compare(args):
    """Train both in turn and print the ratio of their times."""
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    import numpy as np
    import torch
    from tqdm import tqdm

    from ds2np.bench import torch_side
    from ds2np.data.batches import make_batch
    from ds2np.data.dataset import Dataset
    from ds2np.data.manifest import read_manifest
    from ds2np.model import DeepSpeech2, preset
    from ds2np.optim import SGD
    from ds2np.optim.ema import EMA
    from ds2np.train.config import TrainingConfig
    from ds2np.train.step import add_gradients
    from ds2np.train.trainer import Trainer

    training = TrainingConfig(learning_rate=1e-3, momentum=0.95)
    model = DeepSpeech2(preset(args.preset))
    utterances = [u for u in read_manifest(args.manifest) if u.duration <= args.longest]
    data = Dataset(utterances, model.config)
    plan_of = Trainer(model, data, data, "", training).plan
    optimiser = SGD(
        model.params, model.grads, training.learning_rate, training.momentum, training.max_norm
    )
    ema, steps = EMA(model.params, training.ema), itertools.count(1)
    torch_side.use_all_cores()
    torch_step = torch_side.make_training_step(torch.device("cpu"), model.config, training)

    def ours(indices):
        batch = make_batch(data, indices)
        model.zero_grads()
        add_gradients(model, batch, 1 / training.batch_size)
        optimiser.step(ema, next(steps))
        return batch

    def theirs(batch):
        out_lengths = model.out_lengths(batch.lengths)
        torch_step(*map(torch.tensor, (batch.x, batch.labels, out_lengths, batch.label_lengths)))

    model.set_training(True)
    for epoch in range(1, args.epochs + 1):
        plan, times = plan_of(epoch), []
        with tqdm(total=len(plan), unit=" minibatches") as bar:
            for start in range(0, len(plan), args.turn):
                turn = plan[start : start + args.turn]
                began = time.perf_counter()
                batches = [ours(indices) for indices in turn]
                changed = time.perf_counter()
                for batch in batches:
                    theirs(batch)
                times.append((changed - began, time.perf_counter() - changed))
                bar.update(len(turn))
        ours_all, theirs_all = np.sum(times, axis=0)
        low, high = np.percentile([b / a for a, b in times], [10, 90])
        print(
            f"epoch {epoch}: ours {ours_all:.1f} s, PyTorch {theirs_all:.1f} s, ratio "
            f"{theirs_all / ours_all:.2f}; eight turns in ten between {low:.2f} and {high:.2f}"
        )


if __name__ == "__main__":
    main()
