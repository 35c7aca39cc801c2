"""The training loop: epochs, steps, checkpoints, evaluation. Chapters 06 and 07 explain it."""

import contextlib
import json
import time
from collections import deque

import numpy as np

from ds2np.backend import is_on_gpu
from ds2np.ctc import ctc_loss
from ds2np.data.batches import prefetch, shard
from ds2np.data.left_out import LeftOut
from ds2np.errors import UserError
from ds2np.evaluate import evaluate
from ds2np.files import make_folder, replacing
from ds2np.layers.dropout import seed_dropout
from ds2np.machine import peak_memory
from ds2np.model.checkpoint import load_checkpoint, save_checkpoint
from ds2np.model.run_folder import RunFolder
from ds2np.optim import EMA, SGD
from ds2np.parallel.communicator import Communicator
from ds2np.recogniser import Recogniser
from ds2np.train.clock import Clock
from ds2np.train.config import describe
from ds2np.train.console import Console
from ds2np.train.history import write_history
from ds2np.train.interrupt import InterruptLater
from ds2np.train.members import Members, check_dev_set, check_training_set, to_arrays
from ds2np.train.progress import Progress, criteria, should_stop
from ds2np.train.report import Report
from ds2np.train.step import Step

PATIENCE = 10  # steps in a row with a gradient that is not finite before the run stops
SAVE_EVERY = 60  # seconds of training that a power cut can cost, at most
MAY_CHANGE = ("epochs", "patience")  # when a run is resumed


class Trainer:
    """A run: a network, its data, its folder and its progress.

    The weights that are evaluated and saved as the best are a moving average; see `EMA`.

    Parameters
    ----------
    model : DeepSpeech2
    train_set, dev_set : Dataset
    folder : str or Path
        Receives config.json, history.csv, the checkpoints and the report.
    config : TrainingConfig
    comm : Communicator, optional
        Connects the processes that train this network, each with its own trainer; only rank 0
        writes files. One process by default.

    Attributes
    ----------
    progress : Progress
    report : Report
    best_evaluation : Evaluation or None
        Of the best network, if found since the run was started or resumed.
    """

    def __init__(self, model, train_set, dev_set, folder, config, comm=None):
        self.model, self.train_set, self.dev_set = model, train_set, dev_set
        self.folder, self.config = RunFolder(folder), config
        self.comm = comm or Communicator()
        self.comm.broadcast(model.flat_params)
        self.optimiser = SGD(
            model.params, model.grads, config.learning_rate, config.momentum, config.max_norm
        )
        self.ema = EMA(model.params, config.ema)
        self.recogniser = Recogniser(model, config.decoder.build(model.config))
        self._spaces = model.config.alphabet().has_spaces
        self.progress, self.report = Progress(), Report(self.folder, self._spaces)
        self.best_evaluation = None
        self._step = Step(model, train_set, config, self.comm)
        self._clock = Clock(on_gpu=is_on_gpu(model.flat_params))
        self._dev_left_out = LeftOut(len(dev_set))
        self._began = Members.of(train_set)  # the utterances with which the epoch began
        self._places = None  # theirs in the training set, if it has lost some
        self._console = Console(self.comm)
        self.log = self._console.log
        self._recent = deque(maxlen=50)  # losses, for the progress bar

    @property
    def clock(self):
        """The times of the current epoch."""
        self._clock.seconds = self.progress.seconds
        return self._clock

    @property
    def finished(self):
        """Whether all epochs are done, or the error rate has stopped falling."""
        rates = [criteria(row, self._spaces)[0] for row in self.progress.history]
        all_done = self.progress.epoch > self.config.epochs
        return all_done or should_stop(rates, self.config.patience)

    # The loop

    def run(self, minutes=float("inf")):
        """Train to the last epoch, with progress output; save the best network; see `criteria`.

        After ``minutes``, training stops at the end of a step, and the run can be resumed. Raises
        KeyboardInterrupt if the user interrupts, once the current step or evaluation is saved.
        """
        deadline = time.monotonic() + 60 * minutes
        self._saved_at = time.monotonic()
        epoch_frames, done = self.train_set.epoch_frames, len(self.progress.history)
        bar = self._console.bar(self.config.epochs * epoch_frames, done * epoch_frames)
        # Steps check for numbers that are not finite and report them: NumPy need not warn.
        quiet = np.errstate(over="ignore", invalid="ignore")
        with bar, quiet, InterruptLater() as interrupt:
            while not self.finished:
                if not self._train_epoch(bar, interrupt, deadline):
                    done, epoch = self.progress.batches_done, self.progress.epoch
                    self.log(f"time is up after {done} minibatches of epoch {epoch}")
                    break
                self._finish_epoch()
                if any(self.comm.any(interrupt.requested)):
                    raise KeyboardInterrupt
            if self.finished and self.progress.epoch <= self.config.epochs:
                self.log(f"no better error rate for {self.config.patience} epochs: stopping")
        if self.comm.is_main and not self.folder.best.exists():  # no epoch was finished
            with self.ema.in_place():
                self.save(best=True)
        self.comm.barrier()  # other processes read it only once it is written

    def _train_epoch(self, bar, interrupt, deadline):
        """Train to the end of an epoch; return False if the time is up before."""
        config, progress = self.config, self.progress
        # Annealing: the learning rate is divided by a constant after each epoch.
        self.optimiser.learning_rate = config.learning_rate / config.anneal ** (progress.epoch - 1)
        plan = self.plan(progress.epoch)
        order = "shortest first (SortaGrad)" if progress.epoch == 1 else "shuffled minibatches"
        self.log(f"epoch {progress.epoch} of {config.epochs}, {order}")
        frames = [int(self.train_set.frames[indices].sum()) for indices in plan]
        bar.update(sum(frames[: progress.batches_done]))
        self.model.set_training(True)
        part = shard(plan, self.comm.rank, self.comm.size)[progress.batches_done :]
        fetched = prefetch(self.train_set, part, (config.seed, progress.epoch))
        with contextlib.closing(fetched):
            batches = self.clock.waiting_for("data", fetched)
            while progress.batches_done < len(plan):
                first = progress.batches_done
                self.comm.at(f"step {first + 1} of epoch {progress.epoch}")
                self._train_step(batches, min(config.accumulate, len(plan) - first))
                if self._recent:
                    bar.set_description_str(f"loss {np.mean(self._recent):6.2f}", False)
                bar.update(sum(frames[first : progress.batches_done]))
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

    def _train_step(self, batches, count):
        """Train on the next minibatches: forward, loss, backward for each, then one update."""
        model, step, clock = self.model, self._step, self.clock
        model.zero_grads()
        place = self.config.seed, self.progress.epoch, self.progress.batches_done, self.comm.rank
        for i, batch in enumerate(step.minibatches(batches, count)):
            seed_dropout(model, (*place, i))
            with clock.part("forward"):
                logits, out_lengths = model.forward(batch.x, batch.lengths)
            with clock.part("ctc"):
                loss, dlogits = ctc_loss(logits, batch.labels, out_lengths, batch.label_lengths)
                del logits  # as large as the gradient
                accepted = step.accepts(batch, loss, out_lengths)
            if accepted:
                with clock.part("backward"):
                    dlogits *= step.scale
                    model.backward(dlogits, step.layer_done, to_input=False)
        step.all_reduce(clock)
        with clock.part("update"):
            steps = self.progress.optimiser_steps + 1
            norm = self.optimiser.step(self.ema, steps) if step.learned else float("nan")
            if np.isfinite(norm):
                self.progress.optimiser_steps = steps
            else:
                step.reject()
        self._count(step, count, norm)

    def _count(self, step, count, norm):
        """Add the result of a step to the progress; stop after too many broken steps."""
        progress = self.progress
        progress.batches_done += count
        progress.left_out += step.left_out
        progress.unusable += step.unusable
        step.named.check(progress.unusable)
        if step.learned:
            progress.norms.append(norm)
            progress.learned += step.learned
            progress.loss_sum += step.loss_sum
            progress.broken_steps = 0
            self._recent.append(step.loss_sum / step.learned)
            return
        progress.broken_steps += 1
        if progress.broken_steps == PATIENCE:
            raise UserError(
                f"{self.folder.path}: {PATIENCE} steps in a row had a gradient that is not finite; "
                f"the checkpoints are unchanged, try a smaller learning rate"
            )

    def plan(self, epoch):
        """Return the minibatches of an epoch; see `Dataset.plan`.

        An epoch that began with utterances that are gone keeps its order without them.
        """
        config = self.config
        limits = config.batch_size, config.batch_seconds, config.seed
        if self._places is None or epoch != self.progress.epoch:
            return self.train_set.plan(epoch, *limits)
        plan = self.train_set.plan(epoch, *limits, frames=self._began.frames)
        places = [self._places[indices] for indices in plan]
        return [indices[indices >= 0] for indices in places]

    def evaluate(self, recogniser):
        """Evaluate on the validation set, in minibatches no larger than in training."""
        limits = self.config.batch_size, self.config.batch_seconds
        return evaluate(recogniser, self.dev_set, *limits, None, self.comm, self._dev_left_out)

    def _finish_epoch(self):
        with self.ema.in_place(), self.clock.part("evaluation"):
            evaluation = self.evaluate(self.recogniser)
        self.clock.settle()
        row, lowest = self._row(evaluation), self.progress.lowest_criteria(self._spaces)
        self.progress.end_epoch(row, evaluation.unusable)
        self._began, self._places = Members.of(self.train_set), None
        self.save()  # first what the run resumes from: nothing that fails later can cost it
        with self.ema.in_place():
            if criteria(row, self._spaces) < lowest:
                self.best_evaluation = evaluation
                self.save(best=True)
            if self.comm.is_main:
                write_history(self.folder.history, self.progress.history)
                self.report.show(self.recogniser, self.dev_set, evaluation)
        done = len(self.progress.history)
        self._report(f"{done} of {self.config.epochs} epochs are done.")
        self._console.log_epoch(row, evaluation)

    def _row(self, evaluation):
        """Return the history row of the current epoch; see `ds2np.train.history`."""
        progress, seconds = self.progress, self.progress.seconds
        learned, norms = progress.learned, progress.norms
        return {
            "epoch": progress.epoch,
            "learning_rate": self.optimiser.learning_rate,
            "train_loss": progress.loss_sum / learned if learned else float("nan"),
            "dev_loss": evaluation.loss,
            "wer": evaluation.wer,
            "cer": evaluation.cer,
            "blank_share": evaluation.blank_share,
            "mean_length": evaluation.mean_length,
            "gradient_norm": float(np.median(norms)) if norms else float("nan"),
            "left_out": progress.left_out,
            "memory_mb": peak_memory() / 1e6,
            "seconds": sum(seconds.values()) - seconds["evaluation"],
            **{f"seconds_{part}": value for part, value in seconds.items()},
        }

    # The folder

    def start(self):
        """Make the folder of a new run; it stays empty until the first checkpoint.

        Raises UserError if the folder already holds a run, or cannot be made.
        """
        if self.folder.holds_run:
            raise UserError(
                f"{self.folder.path} holds a run already; resume it, or choose another folder"
            )
        self.comm.barrier()  # all processes have checked before any writes
        make_folder(self.folder.path)

    @property
    def _arrays(self):
        """The arrays shaped like the parameters that a run resumes from."""
        return {"velocity": self.optimiser.velocity, "ema": self.ema.mean}

    def _identity(self):
        """Return, by name, the settings that must be unchanged for a run to be resumed."""
        identity = {**self.model.config.to_dict(), **self.config.to_dict()}
        return json.loads(json.dumps(identity))  # like a checkpoint: lists, no tuples

    def resume(self):
        """Resume the run in the folder from its last checkpoint.

        Optimiser, history and position in the epoch come from the checkpoint; the order of the
        minibatches and the augmentation follow from seed and epoch. Raises UserError if there is no
        checkpoint, or it is of another network, configuration or validation set, or of a training
        set that lacks some of the utterances.
        """
        model, values, arrays = load_checkpoint(self.folder.last)
        try:
            if type(saved := values.get("identity")) is not dict:
                raise ValueError(f"its identity is {saved!r}, expected dict")
            if not arrays["members"]:
                raise ValueError("it does not say which utterances it is of")
            progress = Progress.from_dict(values)
        except ValueError as error:
            raise UserError(
                f"{self.folder.last} cannot be resumed: {error}; start a new run in another folder"
            ) from None
        # A setting that is newer than the checkpoint had its default value then.
        default = {**type(self.model.config)().to_dict(), **type(self.config)().to_dict()}
        saved = default | saved
        for name, value in self._identity().items():
            if name not in MAY_CHANGE and (before := saved.get(name)) != value:
                raise UserError(
                    f"{self.folder.path} cannot be resumed: {name} was {before} in the checkpoint "
                    f"but is now {value}; use the same value, or start a new run in another folder"
                )
        saved, dev = Members.from_arrays(arrays.pop("members")), Members.of(self.dev_set)
        try:
            removed = check_training_set(saved["train"], self._began)
            progress.dev_unusable = check_dev_set(saved["dev"], dev, progress.dev_unusable)
        except UserError as error:
            raise UserError(
                f"{self.folder.path} cannot be resumed: {error}, or start a new run in another "
                f"folder"
            ) from None
        if saved["train"] != self._began:  # or the same utterances in another order
            self._places = saved["train"].find(self._began)
            self._began = saved["train"]
        self.progress = progress
        self.model.load_state_dict(model.state_dict())
        # The user may have copied best.npz, which has no moving average, over last.npz.
        arrays["ema"] = arrays["ema"] or model.params
        for group, own in self._arrays.items():
            for name, value in arrays[group].items():
                own[name][...] = self.model.to_device(value)
        self.comm.barrier()  # all processes have read before any writes
        if self.comm.is_main:
            write_history(self.folder.history, progress.history)  # it may be older
        self._restore_best()
        if removed:
            self.log(f"resumed with another training set: {removed}")

    def _restore_best(self):
        """Save the best network if a full disk prevented that when the last epoch ended."""
        history = self.progress.history
        if self.progress.batches_done or not history or not self.comm.is_main:
            return
        if min(history, key=lambda row: criteria(row, self._spaces)) is not history[-1]:
            return
        try:
            saved = load_checkpoint(self.folder.best)[1]["history"]
        except UserError:
            saved = ()
        if len(saved) != len(history):
            with self.ema.in_place():
                self.save(best=True)

    def save(self, best=False):
        """Write the last checkpoint, from which the run resumes exactly, and the configuration.

        best: write the best network instead.
        """
        self._saved_at = time.monotonic()
        if not self.comm.is_main:
            return
        values = {"identity": self._identity(), **self.progress.to_dict()}
        members = to_arrays(train=self._began, dev=Members.of(self.dev_set))
        arrays = {"members": members} | ({} if best else self._arrays)
        save_checkpoint(self.folder.best if best else self.folder.last, self.model, values, arrays)
        effective = describe(
            self.model, self.config, self.train_set, self.dev_set, self.folder.path
        )
        with replacing(self.folder.config) as file:
            file.write(json.dumps(effective, indent=2) + "\n")
        self.config.decoder.keep(self.folder.decoder)

    def _save_within(self, batches):
        """Save within an epoch of ``batches`` minibatches, and report the progress."""
        progress, done = self.progress, self.progress.batches_done / batches
        if self._recent and progress.norms:
            point = {
                "epoch": len(progress.history) + done,
                "train_loss": float(np.mean(self._recent)),
                "gradient_norm": float(np.median(progress.norms[-len(self._recent) :])),
            }
            progress.points.append(point)
        self.save()
        self._report(
            f"Epoch {progress.epoch} of {self.config.epochs}, {done:.0%} done on "
            f"{time.strftime('%Y-%m-%d at %H:%M')}. Reload this page for the latest state."
        )

    def _report(self, status):
        if self.comm.is_main:
            self.report.write(self.progress.history, self.progress.points, status)
