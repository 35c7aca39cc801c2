"""The training loop: CTC gradients of minibatches, epoch after epoch, and what comes of them."""

import contextlib
import dataclasses
import json
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

import ds2np
from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss
from ds2np.data.batches import plan_epoch, prefetch
from ds2np.data.dataset import Dataset
from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.model import DeepSpeech2
from ds2np.optim import SGD
from ds2np.train.checkpoint import BEST, LAST, load_checkpoint, load_run, save_checkpoint
from ds2np.train.evaluate import evaluate
from ds2np.train.history import write_history
from ds2np.train.report import write_report

CONFIG, HISTORY = "config.json", "history.csv"
PATIENCE = 10  # steps in a row with a gradient that is not finite, before the run stops


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained.

    Attributes
    ----------
    epochs, batch_size : int
    learning_rate : float
        Of the first epoch, for the gradient of the mean loss of the minibatch. (The paper's is 1e-4
        to 6e-4, with minibatches of 512 and networks of up to 100 million parameters.)
    anneal : float
        The rate is divided by this after each epoch (paper: 1.2).
    momentum : float
        Nesterov momentum (paper: 0.99).
    max_norm : float
        Gradients of a larger norm are scaled down to it (paper: 400).
    seed : int
        Of the initial weights and of the order of the minibatches.
    """

    epochs: int = 20
    batch_size: int = 16
    learning_rate: float = 4e-3
    anneal: float = 1.2
    momentum: float = 0.98
    max_norm: float = 100.0
    seed: int = 0


class Trainer:
    """A run: a network, its data, its folder, and how far it has come.

    Parameters
    ----------
    model : DeepSpeech2
    train_set, dev_set : Dataset
    folder : str or Path
        Receives config.json, history.csv and the checkpoints; made if it is not there.
    config : TrainingConfig
    """

    def __init__(self, model, train_set, dev_set, folder, config):
        self.model, self.train_set, self.dev_set = model, train_set, dev_set
        self.folder, self.config = Path(folder), config
        self.optimiser = SGD(
            model.params, model.grads, config.learning_rate, config.momentum, config.max_norm
        )
        self.history = []
        self.broken_steps = 0  # in a row, with a gradient that is not finite
        self._start_epoch()

    def _start_epoch(self):
        self.step = 0  # minibatches of this epoch that are done
        self.losses, self.norms, self.seconds = [], [], 0.0

    @property
    def epoch(self):
        """The epoch at work, from 1."""
        return len(self.history) + 1

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
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{self.folder} cannot be made ({error.strerror}); name another --out"
            ) from None

    def resume(self):
        """Take up the run of the folder where its last checkpoint left it.

        Raises
        ------
        UserError
            If there is none, or it was made for another network, training or data.
        """
        model, progress, velocity = load_checkpoint(self.folder / LAST)
        saved = {**model.config.to_dict(), **progress["training"]}
        saved["training utterances"] = progress["utterances"]
        wanted = {**self.model.config.to_dict(), **dataclasses.asdict(self.config)}
        wanted["training utterances"] = len(self.train_set)
        for name, value in wanted.items():
            # The number of epochs may grow: that is what going on means.
            if name != "epochs" and (before := saved.get(name)) != value:
                raise UserError(
                    f"{self.folder} cannot go on: {name} was {before}, asked for is {value}; "
                    f"ask for the same, or start anew in another --out"
                )
        self.model.load_state_dict(model.state_dict())
        for name, value in velocity.items():
            self.optimiser.velocity[name][...] = self.model.to_device(value)
        self.history = progress["history"]
        self.step, self.seconds = progress["step"], progress["seconds"]
        self.losses, self.norms = progress["losses"], progress["norms"]

    def save(self, name=LAST):
        """Write a checkpoint from which the run goes on exactly as if it had not stopped.

        The effective configuration is written beside it.
        """
        progress = {
            "training": dataclasses.asdict(self.config),
            "utterances": len(self.train_set),
            "history": self.history,
            "step": self.step,
            "losses": self.losses,
            "norms": self.norms,
            "seconds": self.seconds,
        }
        velocity = self.optimiser.velocity if name == LAST else None
        save_checkpoint(self.folder / name, self.model, progress, velocity)
        effective = {
            "ds2np": ds2np.__version__,
            "model": self.model.config.to_dict(),
            "training": dataclasses.asdict(self.config),
            "train_utterances": len(self.train_set),
            "dev_utterances": len(self.dev_set),
        }
        with replacing(self.folder / CONFIG) as file:
            file.write(json.dumps(effective, indent=2) + "\n")

    def run(self):
        """Train until the last epoch is done; show progress and keep the best network by WER.

        Raises
        ------
        KeyboardInterrupt
            If the user interrupts; the step or the evaluation at hand is finished and saved first.
        """
        epoch_frames = int(self.train_set.frames.sum())
        bar = tqdm(
            total=self.config.epochs * epoch_frames,
            initial=len(self.history) * epoch_frames,
            bar_format="{desc} {percentage:3.0f}% |{bar}| {elapsed} so far, {remaining} left",
            mininterval=1,
        )
        with bar, _InterruptLater() as interrupt:
            while self.epoch <= self.config.epochs:
                self._train_epoch(bar, interrupt)
                self._finish_epoch(bar)
                if interrupt.requested:
                    raise KeyboardInterrupt

    def _train_epoch(self, bar, interrupt):
        config = self.config
        self.optimiser.learning_rate = config.learning_rate / config.anneal ** (self.epoch - 1)
        plan = plan_epoch(self.train_set.frames, config.batch_size, self.epoch, config.seed)
        order = "shortest first" if self.epoch == 1 else "shuffled minibatches"
        bar.write(f"epoch {self.epoch} of {config.epochs}, {order}")
        bar.update(int(sum(self.train_set.frames[i].sum() for i in plan[: self.step])))
        self.model.set_training(True)
        batches = prefetch(self.train_set, plan[self.step :])
        with contextlib.closing(batches):
            for batch in batches:
                self._train_step(batch)
                bar.set_description_str(f"loss {np.mean(self.losses[-50:]):6.2f}", False)
                bar.update(int(self.train_set.frames[batch.indices].sum()))
                if interrupt.requested:
                    self.save()
                    raise KeyboardInterrupt

    def _train_step(self, batch):
        began = time.perf_counter()
        logits, lengths = self.model.forward(batch.x, batch.lengths)
        loss, dlogits = ctc_loss(logits, batch.labels, lengths, batch.label_lengths)
        self.model.zero_grads()
        self.model.backward(dlogits / dlogits.dtype.type(len(loss)))
        norm = self.optimiser.step()
        self.step += 1
        self.losses.append(float(to_cpu(loss).mean()))
        self.norms.append(norm)
        self.seconds += time.perf_counter() - began
        self.broken_steps = 0 if np.isfinite(norm) else self.broken_steps + 1
        if self.broken_steps == PATIENCE:
            raise UserError(
                f"{self.folder}: {PATIENCE} steps in a row had a gradient that is not finite; "
                f"the checkpoints are as they were, try a smaller --learning-rate"
            )

    def _finish_epoch(self, bar):
        finite = np.isfinite(self.norms)
        losses, norms = np.array(self.losses)[finite], np.array(self.norms)[finite]
        if not finite.all():
            bar.write(f"  {(~finite).sum()} minibatches left out: their gradient was not finite")
        evaluation = evaluate(self.model, self.dev_set)
        row = {
            "epoch": self.epoch,
            "learning_rate": self.optimiser.learning_rate,
            "train_loss": float(np.mean(losses)) if finite.any() else float("nan"),
            "dev_loss": evaluation.loss,
            "wer": evaluation.wer,
            "cer": evaluation.cer,
            "gradient_norm": float(np.median(norms)) if finite.any() else float("nan"),
            "seconds": self.seconds,
        }
        best = min((r["wer"] for r in self.history), default=float("inf"))
        self.history.append(row)
        self._start_epoch()
        if row["wer"] < best:
            self.save(BEST)
        self.save(LAST)
        write_history(self.folder / HISTORY, self.history)
        bar.write(f"  train loss {row['train_loss']:.2f}  held out: {evaluation}")
        for i in _two_of(len(evaluation.refs), row["epoch"]):
            bar.write(f"    reference   {evaluation.refs[i]}\n    hypothesis  {evaluation.hyps[i]}")


def train(
    model_config,
    training_config,
    train_utterances,
    dev_utterances,
    folder,
    resume=False,
    to_device=to_cpu,
):
    """Train a network and write its run: configuration, history, checkpoints and report.

    Parameters
    ----------
    model_config : DeepSpeech2Config
    training_config : TrainingConfig
    train_utterances, dev_utterances : list of Utterance
    folder : str or Path
        Of the run.
    resume : bool
        Go on with the run that the folder holds.
    to_device : callable
        Where to compute; see `ds2np.backend.choose_device`.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    UserError, KeyboardInterrupt
        See `Trainer`.
    """
    model = DeepSpeech2(model_config, seed=training_config.seed)
    model.move(to_device)
    trainer = Trainer(
        model,
        Dataset(train_utterances, model),
        Dataset(dev_utterances, model),
        folder,
        training_config,
    )
    if resume:
        trainer.resume()
    else:
        trainer.start()
    print(
        f"{folder}: {model.count_parameters():,} parameters, {len(trainer.train_set):,} utterances "
        f"to learn from, {len(trainer.dev_set):,} held out"
    )
    trainer.run()
    best = load_run(folder, to_device)
    evaluation = evaluate(best, trainer.dev_set)
    report = write_report(folder, best, trainer.dev_set, evaluation, trainer.history)
    print(f"best network: {evaluation}\nreport: {report}")
    return report


class _InterruptLater:
    """Note Ctrl-C instead of raising at once, so that no step is left half done.

    A second Ctrl-C raises. Outside the main thread Python delivers no signals: nothing changes.
    """

    def __enter__(self):
        self.requested = False
        self._in_main = threading.current_thread() is threading.main_thread()
        if self._in_main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number, frame):
        self.requested = True
        signal.signal(signal.SIGINT, self._before)

    def __exit__(self, *_):
        if self._in_main:
            signal.signal(signal.SIGINT, self._before)


def _two_of(count, epoch):
    """Choose two utterances to show, others in each epoch."""
    return np.random.default_rng(epoch).choice(count, size=min(2, count), replace=False)
