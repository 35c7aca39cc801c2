"""The loop: epochs, steps, the best network, broken gradients, memory."""

import gc
import itertools
import json
import os
import time
import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
from helpers import toys
from helpers.training import contents

from ds2np.ctc import ctc_loss
from ds2np.data.batches import make_batch, plan_epoch, prefetch
from ds2np.data.dataset import Dataset
from ds2np.errors import UserError
from ds2np.evaluate import Evaluation, evaluate
from ds2np.model import DeepSpeech2
from ds2np.model.checkpoint import load_checkpoint
from ds2np.model.run_folder import RunFolder
from ds2np.optim import SGD
from ds2np.recogniser import Recogniser
from ds2np.train.history import read_history
from ds2np.train.report import Report
from ds2np.train.step import add_gradients
from ds2np.train.trainer import PATIENCE, Trainer

FLAT = Evaluation(["a"], ["b"], 1.0)
FILES = {"config.json", "history.csv", "best.npz", "last.npz", "report.html"}


pytestmark = pytest.mark.usefixtures("no_report")


def test_a_run_leaves_its_files(finished):
    assert {path.name for path in finished.iterdir()} == FILES


def test_training_lowers_the_loss(run):
    history = read_history(RunFolder(run(epochs=12)).history)
    assert [row["epoch"] for row in history] == list(range(1, 13))
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    assert history[-1]["dev_loss"] < 0.7 * history[0]["dev_loss"]


def test_the_effective_configuration_is_written_down(finished):
    written = json.loads(RunFolder(finished).config.read_text())
    assert written["training"] == toys.TRAINING.to_dict()
    assert written["training"]["decoder"] == "greedy"
    assert type(toys.MODEL).from_dict(written["model"]) == toys.MODEL
    assert (written["train_utterances"], written["dev_utterances"]) == (len(toys.TEXTS), 4)


def test_the_learning_rate_is_annealed(finished):
    rates = [row["learning_rate"] for row in read_history(RunFolder(finished).history)]
    first = toys.TRAINING.learning_rate
    assert rates == pytest.approx([first, first / toys.TRAINING.anneal], rel=1e-5)


def test_the_same_seed_gives_the_same_network(run):
    first, same, other = run("a"), run("b"), run("c", seed=1)
    weights = [
        load_checkpoint(RunFolder(folder).last)[0].params["output.W"] for folder in (first, same)
    ]
    np.testing.assert_array_equal(*weights)
    assert (load_checkpoint(RunFolder(other).last)[0].params["output.W"] != weights[0]).any()


@pytest.mark.parametrize(
    ("losses", "best"), [((1, 1, 1, 1), 2), ((1, 0.9, 0.1, 0.8), 4), ((1, 0.8, 0.1, 0.9), 2)]
)
def test_the_best_network_is_kept_by_its_word_error_rate_then_its_loss(
    run, monkeypatch, losses, best
):
    rates = iter(zip([0.5, 0.25, 0.75, 0.25], losses, strict=True))

    class Evaluation:
        refs, hyps, cer, blank_share, mean_length = ("a",), ("b",), 0.5, 0.5, 1.0
        unusable: ClassVar = {}

        def __init__(self):
            self.wer, self.loss = next(rates, (0, 0))

    monkeypatch.setattr("ds2np.train.trainer.evaluate", lambda *rest: Evaluation())
    folder = run(epochs=4)
    assert len(load_checkpoint(RunFolder(folder).best)[1]["history"]) == best
    assert len(load_checkpoint(RunFolder(folder).last)[1]["history"]) == 4


@pytest.mark.parametrize("ema", [0, 0.5])
def test_the_ema_of_the_weights_is_evaluated_and_saved(run, utterances, ema):
    folder = run(epochs=1, ema=ema)
    kept = load_checkpoint(RunFolder(folder).best)[0]
    last, progress, state = load_checkpoint(RunFolder(folder).last)
    for name, value in kept.params.items():
        np.testing.assert_array_equal(value, state["ema"][name])
    unlike = [name for name, value in kept.params.items() if (value != last.params[name]).any()]
    assert bool(unlike) == (ema > 0)
    evaluation = evaluate(Recogniser(kept), Dataset(utterances[:4], kept.config), 4)
    assert evaluation.loss == pytest.approx(progress["history"][0]["dev_loss"], rel=1e-5)


def break_gradients(monkeypatch, steps):
    """Make the gradients of some training steps NaN."""
    counted = itertools.count(1)

    def broken(*arguments):
        loss, dlogits = ctc_loss(*arguments)
        return loss, dlogits * np.float32("nan") if next(counted) in steps else dlogits

    monkeypatch.setattr("ds2np.train.run.try_longest", lambda *given: None)
    monkeypatch.setattr("ds2np.train.trainer.ctc_loss", broken)


def test_gradients_that_stay_broken_stop_the_run(run, monkeypatch):
    folder = run(epochs=1, batch_size=1)
    before = contents(folder)
    break_gradients(monkeypatch, range(1, 11))
    with pytest.raises(UserError, match=f"{PATIENCE} steps in a row .* not finite"):
        run(epochs=2, batch_size=1, resume=True)
    assert contents(folder) == before


def test_short_epochs_do_not_hide_them(run, monkeypatch, tmp_path):
    break_gradients(monkeypatch, range(1, 11))  # of 3 an epoch
    with pytest.raises(UserError, match=f"{PATIENCE} steps in a row"):
        run(epochs=5)
    assert np.isnan(read_history(RunFolder(tmp_path / "run").history)[0]["train_loss"])


def test_a_single_broken_gradient_is_left_out_and_counted(run, monkeypatch, capsys):
    break_gradients(monkeypatch, {2})
    history = read_history(RunFolder(run(epochs=1)).history)
    assert "left out: " in capsys.readouterr().out
    assert np.isfinite([row["train_loss"] for row in history]).all()
    assert np.isfinite([row["gradient_norm"] for row in history]).all()


def test_a_broken_recording_is_named_with_its_frames_and_characters(
    run, monkeypatch, capsys, utterances
):
    features = Dataset.features

    def broken(self, i, rng=None):
        x = features(self, i, rng)
        return x * np.float32("nan") if i == 3 and rng is not None else x

    monkeypatch.setattr(Dataset, "features", broken)
    with np.errstate(invalid="ignore"):
        history = read_history(RunFolder(run(epochs=1)).history)
    out = capsys.readouterr().out
    assert f"left out: {utterances[3].audio_filepath} ({utterances[3].where})" in out
    assert "frames of output, 3 characters" in out
    assert history[0]["left_out"] == 1
    assert np.isfinite(history[0]["train_loss"])


def test_gradients_of_several_minibatches_make_one_step(run, monkeypatch, utterances):
    pushes, step = [], SGD.step

    def recorded(self, *ema):
        pushes.append({name: grad.copy() for name, grad in self.grads.items()})
        return step(self, *ema)

    monkeypatch.setattr(SGD, "step", recorded)
    run(batch_size=4, accumulate=2, epochs=1)  # 4 + 4, then 2
    model = DeepSpeech2(toys.MODEL)
    data = Dataset(utterances, model.config)
    for indices in plan_epoch(data.frames, 4, epoch=1, seed=0)[:2]:
        add_gradients(model, make_batch(data, indices), 1 / 8)
    assert len(pushes) == 2
    for name, grad in model.grads.items():
        np.testing.assert_allclose(pushes[0][name], grad, rtol=1e-4, atol=1e-6)


def test_the_run_ends_when_the_error_no_longer_falls(run, monkeypatch, capsys):
    monkeypatch.setattr("ds2np.train.trainer.evaluate", lambda *rest: FLAT)
    history = read_history(RunFolder(run(epochs=9, patience=2)).history)
    assert len(history) == 3  # the first was the best, the next two were no better
    assert "no better error rate for 2 epochs" in capsys.readouterr().out


def test_memory_does_not_grow_from_epoch_to_epoch(run, monkeypatch, utterances):
    held, finish = [], Trainer._finish_epoch

    def measured(self):
        finish(self)
        gc.collect()
        held.append(tracemalloc.get_traced_memory())
        tracemalloc.reset_peak()

    def all_ahead(*arguments):
        """Let the threads compute all minibatches ahead: otherwise the peak depends on timing."""
        for batch in prefetch(*arguments):
            time.sleep(0.05)
            yield batch

    monkeypatch.setattr(Trainer, "_finish_epoch", measured)
    monkeypatch.setattr("ds2np.train.trainer.prefetch", all_ahead)
    # One thread reads: otherwise the peak depends on how many recordings are in work at once.
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    tracemalloc.start()
    run(data=utterances * 4, epochs=5)
    tracemalloc.stop()
    now, peak = np.array(held[1:]).T  # the first epoch includes lazy imports
    assert now[-1] - now[-3] < 25_000  # bytes: the spectrograms of one minibatch
    assert np.ptp(peak) < 0.1 * peak[0]


def test_a_report_is_written_within_epochs(run, monkeypatch):
    pages = []
    monkeypatch.setattr("ds2np.train.trainer.SAVE_EVERY", 0)
    monkeypatch.setattr(Report, "write", lambda self, *arguments: pages.append(arguments))
    run()
    points = pages[-1][1]
    assert [p["epoch"] for p in points] == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3, 5 / 3, 2])
    assert all(np.isfinite(list(point.values())).all() for point in points)
    statuses = [status.split(" on ")[0] for _, _, status in pages]
    assert statuses[:4] == [
        "Epoch 1 of 2, 33% done",
        "Epoch 1 of 2, 67% done",
        "Epoch 1 of 2, 100% done",
        "1 of 2 epochs are done.",
    ]
    assert statuses[-1] == ""


@pytest.mark.parametrize("rate", [1e20, 1e29])
def test_steps_too_long_stop_the_run_without_a_warning(run, rate):
    with pytest.raises(UserError, match="not finite"):
        run(learning_rate=rate, batch_size=1)
