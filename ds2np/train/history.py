"""The history of a run: a CSV file with one row of figures per epoch."""

import csv

from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.train.clock import PARTS

COLUMNS = {
    "epoch": int,
    "learning_rate": float,
    "train_loss": float,
    "dev_loss": float,
    "wer": float,
    "cer": float,
    "blank_share": float,
    "mean_length": float,
    "gradient_norm": float,
    "left_out": int,
    "memory_mb": float,
    "seconds": float,
    **{f"seconds_{part}": float for part in PARTS},
}


def write_history(path, rows):
    """Write rows, a list of dicts with the keys of `COLUMNS`.

    Losses are means over utterances in nats, WER and CER fractions; the gradient norm is the
    epoch's median before clipping; left_out counts utterances; memory_mb is the peak memory of the
    process so far in units of 10 ** 6 bytes; seconds is the sum of all parts but the evaluation.
    """
    with replacing(path) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{row[name]:.6g}" for name in COLUMNS})


def read_history(path):
    """Read the list of dicts that `write_history` wrote.

    Raises UserError if there is no such file, or it is damaged.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [
                {name: kind(row[name]) for name, kind in COLUMNS.items()}
                for row in csv.DictReader(file)
            ]
    except FileNotFoundError:
        raise UserError(f"{path}: no such history; is this a run folder?") from None
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}); expected the columns {list(COLUMNS)}"
        ) from None
