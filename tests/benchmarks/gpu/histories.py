"""Compare the histories of two training runs that should be equal up to rounding.

python tests/benchmarks/gpu/histories.py RUN_ON_THE_CPU RUN_ON_THE_GPU
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from ds2np.errors import UserError
from ds2np.model.run_folder import RunFolder
from ds2np.train.history import read_history

TOLERANCE = 0.05  # of the training loss: rounding grows from step to step


def main():
    """Print both runs epoch by epoch; return 1 if their losses differ by more than rounding."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs=2, metavar="RUN")
    args = parser.parse_args()
    try:
        histories = [read_history(RunFolder(run).history) for run in args.runs]
    except UserError as error:
        sys.exit(str(error))
    largest = 0.0
    for rows in zip(*histories, strict=False):  # one may have run out of time
        train, dev, wer = zip(
            *((r["train_loss"], r["dev_loss"], r["wer"]) for r in rows), strict=True
        )
        largest = max(largest, abs(train[1] / train[0] - 1))
        print(
            f"epoch {rows[0]['epoch']}: training loss {train[0]:.4g}, {train[1]:.4g}; validation "
            f"loss {dev[0]:.4g}, {dev[1]:.4g}; WER {wer[0]:.1%}, {wer[1]:.1%}"
        )
    if not all(histories):
        sys.exit("one of the runs has finished no epoch")
    print(f"the training losses differ by {largest:.1%} at most")
    return 1 if largest > TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())
