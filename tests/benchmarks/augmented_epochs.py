"""What augmentation adds to the time of an epoch, in threads and in processes.

    python tests/benchmarks/augmented_epochs.py TRAIN.jsonl [--rounds 3] [--preset tiny]

Trains an epoch in each way in turn, from the same weights, and prints the median of its time and of
its ratio to the epoch without augmentation.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
WAYS = {
    "plain": ({}, 0.0),
    "--augment, threads": ({"augment": True}, float("inf")),
    "--augment, processes": ({"augment": True}, 0.0),
    "--augment --vary-voice, threads": ({"augment": True, "vary_voice": True}, float("inf")),
    "--augment --vary-voice, processes": ({"augment": True, "vary_voice": True}, 0.0),
}


def main():
    """Read the options, train, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path, metavar="TRAIN.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", default="tiny")
    args = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    import numpy as np

    times = np.array(
        [[time_epoch(args, *way) for way in WAYS.values()] for _ in range(args.rounds)]
    )
    ratios = times / times[:, :1]
    print(f"\n{'way':36}{'seconds':>9}{'ratio (from, to)':>24}")
    for name, seconds, ratio in zip(WAYS, times.T, ratios.T, strict=True):
        spread = f"{np.median(ratio):.2f} ({ratio.min():.2f}, {ratio.max():.2f})"
        print(f"{name:36}{np.median(seconds):>9.1f}{spread:>24}")


def time_epoch(args, given, worth):
    """Return the seconds of the second of two epochs: those of the first include the start."""
    from ds2np.data.manifest import read_manifest
    from ds2np.model import preset
    from ds2np.train.config import TrainingConfig
    from ds2np.train.history import read_history
    from ds2np.train.run import train

    utterances = read_manifest(args.manifest)
    with tempfile.TemporaryDirectory() as folder, mock.patch("ds2np.train.run.WORTH", worth):
        config = TrainingConfig(epochs=2, **given)
        train(preset(args.preset), config, utterances, utterances[:8], folder)
        row = read_history(Path(folder) / "history.csv")[-1]
    return row["seconds"]


if __name__ == "__main__":
    main()
