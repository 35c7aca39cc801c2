"""What tests of training share."""

import itertools

from ds2np.train.trainer import Trainer


def after_steps(monkeypatch, count, act):
    """Do something after so many training steps."""
    step, steps = Trainer._train_step, itertools.count(1)

    def counted(self, *arguments):
        frames = step(self, *arguments)
        if next(steps) == count:
            act()
        return frames

    monkeypatch.setattr(Trainer, "_train_step", counted)


def reproducible(row):
    measured = ("seconds", "memory")
    return {name: value for name, value in row.items() if not name.startswith(measured)}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
