"""The progress of a run: all that a checkpoint stores besides arrays."""

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from ds2np.train.clock import PARTS
from ds2np.train.history import COLUMNS

# The figures that begin anew with each epoch.
OF_EPOCH = ("batches_done", "loss_sum", "learned", "left_out", "unusable", "norms", "seconds")


@dataclass
class Progress:
    """The state of a run between two steps.

    Attributes
    ----------
    history : list of dict
        One row for each finished epoch; see `ds2np.train.history`.
    points : list of dict
        Epoch (a fraction), loss and gradient norm of the latest steps at checkpoints within epochs.
    optimiser_steps : int
        Of the whole run.
    broken_steps : int
        Consecutive latest steps whose gradient was not finite.
    dev_unusable : list of int
        Validation utterances that the latest evaluation left out.
    batches_done : int
        Minibatches of the current epoch, to which all following figures refer.
    loss_sum : float
        Over the utterances trained on.
    learned, left_out, unusable : int
        Utterances trained on, utterances left out, and those of them whose recordings are unusable.
    norms : list of float
        Gradient norm of each step before clipping.
    seconds : dict of str to float
        See `Clock`.
    """

    history: list = field(default_factory=list)
    points: list = field(default_factory=list)
    optimiser_steps: int = 0
    broken_steps: int = 0
    dev_unusable: list = field(default_factory=list)
    batches_done: int = 0
    loss_sum: float = 0.0
    learned: int = 0
    left_out: int = 0
    unusable: int = 0
    norms: list = field(default_factory=list)
    seconds: dict = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))

    @property
    def epoch(self):
        """The current epoch, from 1."""
        return len(self.history) + 1

    def lowest_criteria(self, spaces=True):
        """Return the lowest `criteria` so far; infinite before the first epoch."""
        infinite = (float("inf"),) * 3
        return min((criteria(row, spaces) for row in self.history), default=infinite)

    def end_epoch(self, row, dev_unusable=()):
        """Add the row of a finished epoch to the history, and begin the next epoch."""
        begin = Progress()
        self.dev_unusable = list(dev_unusable)
        for name in OF_EPOCH:
            setattr(self, name, getattr(begin, name))
        self.history.append(row)

    def to_dict(self):
        """Return plain values for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        """Read what `to_dict` returned.

        Raises ValueError if a value is missing or has another type.
        """
        kinds = {each.name: type(getattr(cls(), each.name)) for each in dataclasses.fields(cls)}
        for name, kind in kinds.items():
            if type(values.get(name)) is not kind:
                raise ValueError(f"its {name} is {values.get(name)!r}, expected {kind.__name__}")
        if missing := set(PARTS) - set(values["seconds"]):
            raise ValueError(f"its seconds have no {sorted(missing)[0]}")
        for row in values["history"]:
            if missing := COLUMNS.keys() - (row if type(row) is dict else {}).keys():
                raise ValueError(f"its history has no {sorted(missing)[0]}")
        return cls(**{name: values[name] for name in kinds})


def criteria(row, spaces):
    """Return the numbers by which the network of an epoch is judged, the first one first.

    row: of the history; spaces: whether the script separates words. If not, all texts with a
    mistake are equally wrong by the WER, and the CER comes first. Where both are equal, as in
    small validation sets, the loss decides.
    """
    rates = (row["wer"], row["cer"]) if spaces else (row["cer"], row["wer"])
    return *rates, row["dev_loss"]


def should_stop(rates, patience):
    """Decide whether the error rate has stopped falling.

    rates holds one rate per epoch; patience is the number of epochs without a new lowest rate
    after which to stop, 0 for never.
    """
    return bool(patience and len(rates) and len(rates) - 1 - np.argmin(rates) >= patience)
