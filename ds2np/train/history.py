"""The history of a run: one row of figures an epoch, in a CSV file."""

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
    """Write all rows.

    Parameters
    ----------
    path : str or Path
    rows : list of dict
        With the keys of `COLUMNS`; losses are means over utterances in nats, WER and CER fractions,
        the gradient norm is the epoch's median before clipping; left_out counts utterances;
        memory_mb is the most that the process has taken so far, in units of 10 ** 6 bytes. The
        seconds of training are told apart by what took them.
    """
    with replacing(path) as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: f"{row[name]:.6g}" for name in COLUMNS})


def read_history(path):
    """Read the rows that `write_history` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of dict

    Raises
    ------
    UserError
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [
                {name: kind(row[name]) for name, kind in COLUMNS.items()}
                for row in csv.DictReader(file)
            ]
    except FileNotFoundError:
        raise UserError(f"{path}: no such history; is this the folder of a run?") from None
    except (KeyError, ValueError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({error}); needed are rows of {list(COLUMNS)}"
        ) from None
