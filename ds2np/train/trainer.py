"""The training loop: CTC gradients of minibatches, epoch after epoch, and what comes of them."""

import contextlib
import dataclasses
import json
import time
from collections import deque
from pathlib import Path

import numpy as np
from tqdm import tqdm

import ds2np
from ds2np.data.batches import prefetch, shard
from ds2np.errors import UserError
from ds2np.files import make_folder, replacing
from ds2np.machine import peak_memory
from ds2np.optim import SGD
from ds2np.optim.ema import EMA
from ds2np.parallel.communicator import Communicator
from ds2np.train.checkpoint import BEST, LAST, load_checkpoint, save_checkpoint
from ds2np.train.clock import Clock
from ds2np.train.evaluate import evaluate
from ds2np.train.history import COLUMNS, write_history
from ds2np.train.interrupt import InterruptLater
from ds2np.train.report import Report
from ds2np.train.step import Stepper

CONFIG, HISTORY = "config.json", "history.csv"
PATIENCE = 10  # steps in a row with a gradient that is not finite, before the run stops
SAVE_EVERY = 60  # seconds: what a power cut can cost at most
GROWING = ("epochs", "patience")  # these may change when a run goes on
PROGRESS = {  # what a trainer has come to, and goes on from
    "history": list,
    "points": list,
    "steps": int,
    "step": int,
    "loss_sum": float,
    "learned": int,
    "left_out": int,
    "norms": list,
    "broken_steps": int,
}


class Trainer:
    """A run: a network, its data, its folder, and how far it has come.

    What is evaluated and kept is a mean of the weights over the latest steps; see `EMA`.

    Parameters
    ----------
    model : DeepSpeech2
    train_set, dev_set : Dataset
    folder : str or Path
        Receives config.json, history.csv, the checkpoints and the report; made if it is not there.
    config : TrainingConfig
    comm : Communicator, optional
        Connects the processes that train this network, each of which has a trainer of its own; only
        that of rank 0 writes. One process by default.

    Attributes
    ----------
    history : list of dict
        The figures of each epoch; see `ds2np.train.history`.
    points : list of dict
        Loss and gradient norm of the latest steps, taken at each checkpoint within an epoch.
    report : Report
    """

    def __init__(self, model, train_set, dev_set, folder, config, comm=None):
        self.model, self.train_set, self.dev_set = model, train_set, dev_set
        self.folder, self.config = Path(folder), config
        self.comm = comm or Communicator()
        self.comm.broadcast(model.flat_params)
        self.optimiser = SGD(
            model.params, model.grads, config.learning_rate, config.momentum, config.max_norm
        )
        self.ema = EMA(model.params, config.ema)
        self._stepper = Stepper(model, train_set, self.optimiser, config, self.comm)
        self.report = Report(folder)
        self.history, self.points = [], []
        self.steps = 0  # of the optimiser
        self.broken_steps = 0  # in a row, with a gradient that is not finite
        self._recent = deque(maxlen=50)  # losses, for the progress bar
        self._start_epoch()

    def _start_epoch(self):
        self.step = 0  # minibatches of this epoch that are done
        self.loss_sum, self.learned, self.left_out = 0.0, 0, 0  # over utterances
        self.norms, self.clock = [], Clock()

    @property
    def epoch(self):
        """The epoch at work, from 1."""
        return len(self.history) + 1

    @property
    def finished(self):
        """Whether all epochs are done, or the word error rate has stopped falling."""
        if self.epoch > self.config.epochs:
            return True
        rates = [row["wer"] for row in self.history]
        patience = self.config.patience
        return bool(patience and rates and len(rates) - 1 - np.argmin(rates) >= patience)

    def start(self):
        """Make the folder of a new run; it stays empty until there is something to go on with.

        Raises
        ------
        UserError
            If the folder holds a run already, or cannot be made.
        """
        if any((self.folder / name).exists() for name in (CONFIG, LAST, BEST)):
            raise UserError(
                f"{self.folder} holds a run already; go on with --resume, or name another --out"
            )
        self.comm.barrier()  # all have looked before anyone writes
        make_folder(self.folder, "--out")

    @property
    def _state(self):
        """What belongs to the parameters, and is needed for a run to go on."""
        return {"velocity": self.optimiser.velocity, "ema": self.ema.mean}

    def _identity(self):
        """Return all that has to be the same for a run to go on, by name."""
        identity = {
            **self.model.config.to_dict(),
            **dataclasses.asdict(self.config),
            "training utterances": len(self.train_set),
            "checksum of the training manifest": self.train_set.fingerprint,
        }
        return json.loads(json.dumps(identity))  # as a checkpoint has it: lists, no tuples

    def resume(self):
        """Take up the run of the folder where its last checkpoint left it.

        The optimiser, the history and the place in the epoch come from the checkpoint; the order of
        the minibatches and the changes to recordings follow from seed and epoch.

        Raises
        ------
        UserError
            If there is none, or it was made for another network, training or data.
        """
        model, progress, state = load_checkpoint(self.folder / LAST)
        saved = self._check(progress)
        for name, value in self._identity().items():
            if name not in GROWING and (before := saved.get(name)) != value:
                raise UserError(
                    f"{self.folder} cannot go on: {name} was {before}, asked for is {value}; "
                    f"ask for the same, or start anew in another --out"
                )
        self.model.load_state_dict(model.state_dict())
        # The best network has no mean beside it, and may have been put in the place of the last.
        state["ema"] = state["ema"] or model.params
        for group, arrays in self._state.items():
            for name, value in state[group].items():
                arrays[name][...] = self.model.to_device(value)
        for name in PROGRESS:
            setattr(self, name, progress[name])
        self.clock.seconds.update(progress["seconds"])
        self.comm.barrier()  # all have read before anyone writes
        if self.comm.is_main:
            write_history(self.folder / HISTORY, self.history)  # the stop may have come before it

    def _check(self, progress):
        """Refuse what no run has written; return what has to be the same for it to go on."""
        for name, kind in (PROGRESS | {"identity": dict, "seconds": dict}).items():
            if type(progress.get(name)) is not kind:
                raise UserError(
                    f"{self.folder / LAST} cannot go on: its {name} is {progress.get(name)!r}, "
                    f"needed is {kind.__name__}; start anew in another --out"
                )
        for row in progress["history"]:
            if missing := COLUMNS.keys() - (row if type(row) is dict else {}).keys():
                raise UserError(
                    f"{self.folder / LAST} cannot go on: its history has no {sorted(missing)[0]}; "
                    f"start anew in another --out"
                )
        return progress["identity"]

    def save(self, name=LAST):
        """Write a checkpoint from which the run goes on exactly as if it had not stopped.

        The effective configuration is written beside it.
        """
        self._saved_at = time.monotonic()
        if not self.comm.is_main:
            return
        progress = {
            "identity": self._identity(),
            **{name: getattr(self, name) for name in PROGRESS},
            "seconds": self.clock.seconds,
        }
        state = self._state if name == LAST else None
        save_checkpoint(self.folder / name, self.model, progress, state)
        effective = {
            "ds2np": ds2np.__version__,
            "model": self.model.config.to_dict(),
            "training": dataclasses.asdict(self.config),
            "train_utterances": len(self.train_set),
            "train_checksum": self.train_set.fingerprint,
            "dev_utterances": len(self.dev_set),
        }
        with replacing(self.folder / CONFIG) as file:
            file.write(json.dumps(effective, indent=2) + "\n")

    def run(self, minutes=float("inf")):
        """Train until the last epoch is done; show progress and keep the best network by WER.

        Parameters
        ----------
        minutes : float
            Stop after so long, at the end of a step; the run can go on later.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts; the step or the evaluation at hand is finished and saved first.
        """
        deadline = time.monotonic() + 60 * minutes
        self._saved_at = time.monotonic()
        epoch_frames = int(self.train_set.frames.sum())
        bar = tqdm(
            total=self.config.epochs * epoch_frames,
            initial=len(self.history) * epoch_frames,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} left",
            mininterval=1,
            disable=not self.comm.is_main,
        )
        # What is not finite is looked for and named: NumPy need not warn of it.
        quiet = np.errstate(over="ignore", invalid="ignore")
        with bar, quiet, InterruptLater() as interrupt:
            while not self.finished:
                if not self._train_epoch(bar, interrupt, deadline):
                    self.log(f"time is up after {self.step} minibatches of epoch {self.epoch}")
                    break
                self._finish_epoch()
                if any(self.comm.any(interrupt.requested)):
                    raise KeyboardInterrupt
            if self.finished and self.epoch <= self.config.epochs:
                self.log(f"no better word error rate for {self.config.patience} epochs: the end")
        if self.comm.is_main and not (self.folder / BEST).exists():  # not one epoch was done
            with self.ema.in_place():
                self.save(BEST)
        self.comm.barrier()  # what the others read from now on is there

    def log(self, text):
        """Print a line, without breaking the progress bar, on the process that speaks."""
        if self.comm.is_main:
            tqdm.write(text)

    def _train_epoch(self, bar, interrupt, deadline):
        """Train to the end of an epoch; return whether there was time for all of it."""
        config = self.config
        self.optimiser.learning_rate = config.learning_rate / config.anneal ** (self.epoch - 1)
        plan = self.plan(self.epoch)
        order = "shortest first (SortaGrad)" if self.epoch == 1 else "shuffled minibatches"
        self.log(f"epoch {self.epoch} of {config.epochs}, {order}")
        frames = [int(self.train_set.frames[indices].sum()) for indices in plan]
        bar.update(sum(frames[: self.step]))
        self.model.set_training(True)
        part = shard(plan[self.step :], self.comm.rank, self.comm.size)
        fetched = prefetch(self.train_set, part, (config.seed, self.epoch))
        with contextlib.closing(fetched):
            batches = self.clock.waiting_for("data", fetched)
            while self.step < len(plan):
                self.comm.at(f"step {self.step + 1} of epoch {self.epoch}")
                first, count = self.step, min(config.accumulate, len(plan) - self.step)
                self._train_step(batches, count)
                if self._recent:
                    bar.set_description_str(f"loss {np.mean(self._recent):6.2f}", False)
                bar.update(sum(frames[first : self.step]))
                now = time.monotonic()
                stop, late, due = self.comm.any(
                    interrupt.requested, now > deadline, now > self._saved_at + SAVE_EVERY
                )
                if stop or late or due:
                    self._save_within(len(plan))
                if stop:
                    raise KeyboardInterrupt
                if late:
                    return False
        return True

    def _save_within(self, steps):
        """Save within an epoch of so many steps, and show how far it is in the report."""
        done = self.step / steps
        if self._recent and self.norms:
            point = {
                "epoch": len(self.history) + done,
                "train_loss": float(np.mean(self._recent)),
                "gradient_norm": float(np.median(self.norms[-len(self._recent) :])),
            }
            self.points.append(point)
        self.save()
        self._report(
            f"Epoch {self.epoch} of {self.config.epochs}, {done:.0%} of it done on "
            f"{time.strftime('%Y-%m-%d at %H:%M')}. Reload this page to see how it goes on."
        )

    def _report(self, status):
        if self.comm.is_main:
            self.report.write(self.history, self.points, status)

    def plan(self, epoch):
        """Decide on the minibatches of an epoch; see `Dataset.plan`."""
        config = self.config
        return self.train_set.plan(epoch, config.batch_size, config.batch_seconds, config.seed)

    def _train_step(self, batches, count):
        """Learn from the next minibatches, and note what came of it."""
        outcome = self._stepper.step(batches, count, self.clock)
        self.step += count
        self.left_out += outcome.left_out
        if outcome.learned:
            self.steps += 1
            with self.clock.part("update"):
                self.ema.update(self.steps)
            self.norms.append(outcome.norm)
            self.learned += outcome.learned
            self.loss_sum += outcome.loss_sum
            self._recent.append(outcome.loss_sum / outcome.learned)
            self.broken_steps = 0
            return
        self.broken_steps += 1
        if self.broken_steps == PATIENCE:
            raise UserError(
                f"{self.folder}: {PATIENCE} steps in a row had a gradient that is not finite; "
                f"the checkpoints are as they were, try a smaller --learning-rate"
            )

    def evaluate(self, model):
        """Evaluate a network on what is held out, in minibatches no larger than training's."""
        config = self.config
        return evaluate(
            model, self.dev_set, config.batch_size, config.batch_seconds, None, self.comm
        )

    def _finish_epoch(self):
        with self.ema.in_place():
            with self.clock.part("evaluation"):
                evaluation = self.evaluate(self.model)
            row, seconds = self._row(evaluation), self.clock.seconds
            best = min(((r["wer"], r["cer"]) for r in self.history), default=(float("inf"),))
            self.history.append(row)
            self._start_epoch()
            if (row["wer"], row["cer"]) < best:
                self.save(BEST)
            if self.comm.is_main:
                self.report.show(self.model, self.dev_set, evaluation)
        self.save(LAST)
        if self.comm.is_main:
            write_history(self.folder / HISTORY, self.history)
        self._report(f"{len(self.history)} of {self.config.epochs} epochs are done.")
        self.log(
            f"  train loss {row['train_loss']:.2f}  held out: {evaluation}  "
            f"blanks {100 * row['blank_share']:.0f} %  {self._share_times(seconds, row['seconds'])}"
            + (f"  {row['left_out']} utterances left out" if row["left_out"] else "")
        )
        for i in _two_of(len(evaluation.refs), row["epoch"]):
            self.log(f"    reference   {evaluation.refs[i]}\n    hypothesis  {evaluation.hyps[i]}")

    def _row(self, evaluation):
        """Collect the figures of the epoch at work; see `ds2np.train.history`."""
        seconds = self.clock.seconds
        return {
            "epoch": self.epoch,
            "learning_rate": self.optimiser.learning_rate,
            "train_loss": self.loss_sum / self.learned if self.learned else float("nan"),
            "dev_loss": evaluation.loss,
            "wer": evaluation.wer,
            "cer": evaluation.cer,
            "blank_share": evaluation.blank_share,
            "mean_length": evaluation.mean_length,
            "gradient_norm": float(np.median(self.norms)) if self.norms else float("nan"),
            "left_out": self.left_out,
            "memory_mb": peak_memory() / 1e6,
            "seconds": sum(seconds.values()) - seconds["evaluation"],
            **{f"seconds_{part}": value for part, value in seconds.items()},
        }

    def _share_times(self, seconds, total):
        """Tell which share of the time of training went by without computing."""
        names = {"data": "waiting for data"}
        if self.comm.size > 1:
            names |= {"waiting": "for other processes", "communication": "communication"}
        shares = (
            f"{name} {100 * seconds[part] / (total or 1):.1f} %" for part, name in names.items()
        )
        return ", ".join(shares)


def _two_of(count, epoch):
    """Choose two utterances to show, others in each epoch."""
    return np.random.default_rng(epoch).choice(count, size=min(2, count), replace=False)
