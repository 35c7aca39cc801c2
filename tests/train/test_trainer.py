import dataclasses
import gc
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
import toys

from ds2np.ctc import ctc_loss
from ds2np.data.batches import make_batch, plan_epoch
from ds2np.data.dataset import Dataset
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2
from ds2np.optim import SGD
from ds2np.train.checkpoint import BEST, LAST, load_checkpoint, load_run
from ds2np.train.clock import Clock
from ds2np.train.evaluate import Evaluation, evaluate
from ds2np.train.gradients import add_gradients
from ds2np.train.history import read_history, write_history
from ds2np.train.report import Report
from ds2np.train.run import overfit, train, try_longest
from ds2np.train.trainer import CONFIG, HISTORY, PATIENCE, Trainer

FLAT = Evaluation(["a"], ["b"], 1.0)
FILES = {CONFIG, HISTORY, BEST, LAST, "report.html"}


pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture
def run(tmp_path, utterances):
    """Train on the toy; return the folder of the run."""

    def run(
        name="run", model=toys.MODEL, resume=False, data=utterances, minutes=math.inf, **changes
    ):
        config = dataclasses.replace(toys.TRAINING, **changes)
        train(model, config, data, data[:4], tmp_path / name, resume, minutes=minutes)
        return tmp_path / name

    return run


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


def test_a_run_leaves_its_files(finished):
    assert {path.name for path in finished.iterdir()} == FILES


def test_training_lowers_the_loss(run):
    history = read_history(run(epochs=12) / HISTORY)
    assert [row["epoch"] for row in history] == list(range(1, 13))
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]
    assert history[-1]["dev_loss"] < 0.7 * history[0]["dev_loss"]


def test_the_effective_configuration_is_written_down(finished):
    written = json.loads((finished / CONFIG).read_text())
    assert written["training"] == dataclasses.asdict(toys.TRAINING)
    assert type(toys.MODEL).from_dict(written["model"]) == toys.MODEL
    assert (written["train_utterances"], written["dev_utterances"]) == (len(toys.TEXTS), 4)


def test_the_learning_rate_is_annealed(finished):
    rates = [row["learning_rate"] for row in read_history(finished / HISTORY)]
    first = toys.TRAINING.learning_rate
    assert rates == pytest.approx([first, first / toys.TRAINING.anneal], rel=1e-5)


def test_the_same_seed_gives_the_same_network(run):
    first, same, other = run("a"), run("b"), run("c", seed=1)
    weights = [load_checkpoint(folder / LAST)[0].params["output.W"] for folder in (first, same)]
    np.testing.assert_array_equal(*weights)
    assert (load_checkpoint(other / LAST)[0].params["output.W"] != weights[0]).any()


def test_the_best_network_is_kept_by_its_word_error_rate(run, monkeypatch):
    rates = iter([0.5, 0.25, 0.75, 0.25])

    class Evaluation:
        refs, hyps, loss, cer, blank_share, mean_length = ("a",), ("b",), 1.0, 0.5, 0.5, 1.0

        def __init__(self):
            self.wer = next(rates, 0)

    monkeypatch.setattr("ds2np.train.trainer.evaluate", lambda *rest: Evaluation())
    folder = run(epochs=4)
    assert len(load_checkpoint(folder / BEST)[1]["history"]) == 2
    assert len(load_checkpoint(folder / LAST)[1]["history"]) == 4


@pytest.mark.parametrize("ema", [0, 0.5])
def test_the_mean_of_the_weights_is_evaluated_and_kept(run, utterances, ema):
    folder = run(epochs=1, ema=ema)
    kept = load_checkpoint(folder / BEST)[0]
    last, progress, state = load_checkpoint(folder / LAST)
    for name, value in kept.params.items():
        np.testing.assert_array_equal(value, state["ema"][name])
    unlike = [name for name, value in kept.params.items() if (value != last.params[name]).any()]
    assert bool(unlike) == (ema > 0)
    evaluation = evaluate(kept, Dataset(utterances[:4], kept.config), 4)
    assert evaluation.loss == pytest.approx(progress["history"][0]["dev_loss"], rel=1e-5)


def test_the_best_network_can_be_put_in_the_place_of_the_last(run, utterances):
    folder = run()
    shutil.copy(folder / BEST, folder / LAST)
    data = Dataset(utterances, toys.MODEL)
    trainer = Trainer(DeepSpeech2(toys.MODEL), data, data, folder, toys.TRAINING)
    trainer.resume()
    for name, value in load_checkpoint(folder / BEST)[0].params.items():
        np.testing.assert_array_equal(trainer.ema.mean[name], value)


@pytest.mark.parametrize("steps", [1, 3, 5, 6])  # of 3 an epoch, 6 in all
@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on_as_if_nothing_had_been(run, monkeypatch, steps, request_to_end):
    undisturbed = run("undisturbed")
    with monkeypatch.context() as patch:
        after_steps(patch, steps, lambda: signal.raise_signal(request_to_end))
        with pytest.raises(KeyboardInterrupt):
            run("stopped")
    resumed = run("stopped", resume=True)

    (a, a_progress, a_state), (b, b_progress, b_state) = (
        load_checkpoint(folder / LAST) for folder in (undisturbed, resumed)
    )
    a_state["model"], b_state["model"] = a.state_dict(), b.state_dict()
    for group, got in b_state.items():
        expected = a_state[group]
        assert expected.keys() == got.keys()
        for name in expected:
            np.testing.assert_array_equal(got[name], expected[name])
    rows = [
        [reproducible(row) for row in progress["history"]] for progress in (a_progress, b_progress)
    ]
    assert rows[0] == rows[1]
    assert (undisturbed / BEST).exists() == (resumed / BEST).exists()
    written = [
        [reproducible(row) for row in read_history(folder / HISTORY)]
        for folder in (undisturbed, resumed)
    ]
    assert written[0] == written[1]


def test_an_interruption_during_the_evaluation_loses_nothing(run, monkeypatch, tmp_path):
    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return evaluate(*arguments)

    monkeypatch.setattr("ds2np.train.trainer.evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(read_history(tmp_path / "run" / HISTORY)) == 1
    progress = load_checkpoint(tmp_path / "run" / LAST)[1]
    assert (len(progress["history"]), progress["step"]) == (1, 0)


@pytest.fixture
def ctrl_c_raises():
    """Let Ctrl-C raise, as in a terminal; a process in the background may ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_stops_at_once(run, monkeypatch, tmp_path, ctrl_c_raises):
    def twice():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    after_steps(monkeypatch, 4, twice)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert load_checkpoint(tmp_path / "run" / LAST)[1]["step"] == 0  # the end of the first epoch
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_more_epochs_may_be_asked_for_later(run):
    straight, grown = run("straight", epochs=2), run("grown", epochs=1)
    run("grown", epochs=2, resume=True)
    weights = [load_run(f / LAST).params["output.W"] for f in (straight, grown)]
    np.testing.assert_array_equal(*weights)
    assert json.loads((grown / CONFIG).read_text())["training"]["epochs"] == 2


def test_a_run_is_not_overwritten(run):
    folder = run(epochs=1)
    before = contents(folder)
    with pytest.raises(UserError, match="holds a run already; go on with --resume"):
        run(epochs=1)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": dataclasses.replace(toys.MODEL, hidden=8)}, "hidden was 12, asked for is 8"),
        ({"learning_rate": 0.1}, "learning_rate was 0.005, asked for is 0.1"),
        ({"seed": 3}, "seed was 0, asked for is 3"),
    ],
)
def test_another_configuration_cannot_go_on(run, changes, named):
    folder = run(epochs=1)
    before = contents(folder)
    with pytest.raises(UserError) as caught:
        run(resume=True, **changes)
    assert str(caught.value).startswith(f"{folder} cannot go on: {named}")
    assert contents(folder) == before


def test_other_data_cannot_go_on(run, utterances):
    run(epochs=1)
    with pytest.raises(UserError, match="training utterances was 10, asked for is 9"):
        run(data=utterances[:9], resume=True)


def test_nothing_to_go_on_with(run):
    with pytest.raises(UserError, match=r"last\.npz: no such checkpoint"):
        run(resume=True)


def test_a_run_that_failed_before_its_first_checkpoint_can_start_again(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", lambda self, *rest: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run()
    assert set(contents(run())) == FILES - {"report.html"}


def test_a_folder_that_cannot_be_made_is_named(run, tmp_path):
    (tmp_path / "run").write_text("years of work")
    with pytest.raises(UserError, match="run cannot be made"):
        run()
    assert (tmp_path / "run").read_text() == "years of work"


def break_gradients(monkeypatch, steps):
    """Let some training steps have a gradient that is not a number."""
    counted = itertools.count(1)

    def broken(*arguments):
        loss, dlogits = ctc_loss(*arguments)
        return loss, dlogits * np.float32("nan") if next(counted) in steps else dlogits

    monkeypatch.setattr("ds2np.train.run.try_longest", lambda trainer: None)
    monkeypatch.setattr("ds2np.train.gradients.ctc_loss", broken)


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
    assert np.isnan(read_history(tmp_path / "run" / HISTORY)[0]["train_loss"])


def test_a_single_broken_gradient_is_left_out_and_counted(run, monkeypatch, capsys):
    break_gradients(monkeypatch, {2})
    history = read_history(run(epochs=1) / HISTORY)
    assert "left out: " in capsys.readouterr().out
    assert np.isfinite([row["train_loss"] for row in history]).all()
    assert np.isfinite([row["gradient_norm"] for row in history]).all()


def test_a_broken_recording_is_named_with_what_ctc_minds(run, monkeypatch, capsys, utterances):
    features = Dataset.features

    def broken(self, i, rng=None):
        x = features(self, i, rng)
        return x * np.float32("nan") if i == 3 and rng is not None else x

    monkeypatch.setattr(Dataset, "features", broken)
    with np.errstate(invalid="ignore"):
        history = read_history(run(epochs=1) / HISTORY)
    out = capsys.readouterr().out
    assert f"left out: {utterances[3].audio_filepath} ({utterances[3].where})" in out
    assert "frames of output, 3 characters" in out
    assert history[0]["left_out"] == 1
    assert np.isfinite(history[0]["train_loss"])


def test_gradients_of_several_minibatches_make_one_step(run, monkeypatch, utterances):
    pushes, step = [], SGD.step

    def recorded(self):
        pushes.append({name: grad.copy() for name, grad in self.grads.items()})
        return step(self)

    monkeypatch.setattr(SGD, "step", recorded)
    run(batch_size=4, accumulate=2, epochs=1)  # 4 + 4, then 2
    model = DeepSpeech2(toys.MODEL)
    data = Dataset(utterances, model.config)
    for indices in plan_epoch(data.frames, 4, epoch=1, seed=0)[:2]:
        add_gradients(model, make_batch(data, indices), 1 / 8, Clock())
    assert len(pushes) == 2
    for name, grad in model.grads.items():
        np.testing.assert_allclose(pushes[0][name], grad, rtol=1e-4, atol=1e-6)


def test_the_run_ends_when_the_error_no_longer_falls(run, monkeypatch, capsys):
    monkeypatch.setattr("ds2np.train.trainer.evaluate", lambda *rest: FLAT)
    history = read_history(run(epochs=9, patience=2) / HISTORY)
    assert len(history) == 3  # the first was the best, two more were no better
    assert "no better word error rate for 2 epochs" in capsys.readouterr().out


def test_time_that_is_up_leaves_a_run_to_go_on_with(run, capsys):
    undisturbed, short = run("undisturbed"), run("short", minutes=1e-9)
    assert "time is up after 1 minibatches of epoch 1" in capsys.readouterr().out
    assert (short / BEST).exists()
    assert not (short / HISTORY).exists()
    run("short", resume=True)
    weights = [load_run(folder / LAST).params["output.W"] for folder in (undisturbed, short)]
    np.testing.assert_array_equal(*weights)


def test_changed_recordings_are_drawn_anew_in_each_epoch_and_run_alike(run, monkeypatch):
    drawn = []

    def change(samples, rng):
        drawn.append(rng.integers(1 << 30))
        return samples

    monkeypatch.setattr("ds2np.train.run.make_change", lambda *rest: change)
    run("a", augment=True)
    first, drawn[:] = sorted(drawn), []
    assert len(set(first)) == 2 * len(toys.TEXTS)  # twice each, in two epochs
    run("b", augment=True)
    assert sorted(drawn) == first
    run("c", augment=True, seed=1)
    assert set(drawn) - set(first)


def test_augmentation_trains(run):
    history = read_history(run(augment=True) / HISTORY)
    assert np.isfinite([row["train_loss"] for row in history]).all()


def test_noise_without_augmentation_is_refused(run):
    with pytest.raises(UserError, match="--noise and --rooms need --augment"):
        run(noise="somewhere")


@pytest.mark.parametrize(("epochs", "learnt"), [(150, True), (1, False)])
def test_a_few_utterances_are_learned_by_heart(tmp_path, utterances, capsys, epochs, learnt):
    config = dataclasses.replace(toys.TRAINING, epochs=epochs, learning_rate=2e-2)
    assert overfit(toys.MODEL, config, utterances[:3], tmp_path / "run") == learnt
    verdict = capsys.readouterr().out.splitlines()[-1]
    assert verdict.startswith("3 utterances, CER")
    assert ("NOT known by heart" in verdict) != learnt


def test_the_dry_run_leaves_no_trace(utterances, tmp_path, capsys):
    model = DeepSpeech2(toys.MODEL)
    before = {name: value.copy() for name, value in model.state_dict().items()}
    data = Dataset(utterances, model.config)
    peak = try_longest(Trainer(model, data, data, tmp_path, toys.TRAINING))
    assert f"memory: {peak / 1e6:.0f} MB with the largest minibatch, 4 x 0.5 s" in (
        capsys.readouterr().out
    )
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert not any(grad.any() for grad in model.grads.values())


def test_the_dry_run_takes_changed_recordings_to_be_as_long_as_they_can_become(
    utterances, tmp_path, capsys
):
    model = DeepSpeech2(toys.MODEL)
    data = Dataset(utterances, model.config)
    config = dataclasses.replace(toys.TRAINING, augment=True)
    try_longest(Trainer(model, data, data, tmp_path, config))
    assert "with the largest minibatch, 4 x 0.6 s" in capsys.readouterr().out


def test_memory_stays_as_it_is_from_epoch_to_epoch(run, monkeypatch, utterances):
    held, finish = [], Trainer._finish_epoch

    def measured(self):
        finish(self)
        gc.collect()
        held.append(tracemalloc.get_traced_memory())
        tracemalloc.reset_peak()

    monkeypatch.setattr(Trainer, "_finish_epoch", measured)
    tracemalloc.start()
    run(data=utterances * 4, epochs=5)
    tracemalloc.stop()
    now, peak = np.array(held[1:]).T  # the first one has paid for what is loaded when needed
    assert now[-1] - now[-3] < 25_000  # what the spectrograms of one minibatch take
    assert np.ptp(peak) < 0.1 * peak[0]


KILLS = int(os.environ.get("DS2NP_KILLS", "3"))


def test_a_killed_run_goes_on_to_the_very_same_network(utterances, tmp_path):
    manifest = utterances[0].where.rsplit(":", 1)[0]
    code = "import sys, ds2np.train.trainer as t; t.SAVE_EVERY = 0; t.Report.show = "
    code += "t.Report.write = lambda *rest: None; "
    code += "from ds2np.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, "train", "--train", manifest, "--dev", manifest]
    arguments += ["--sample-rate", str(toys.RATE), "--epochs", "8", "--batch-size", "2"]
    rng = np.random.default_rng()
    folders = tmp_path / "undisturbed", tmp_path / "killed"

    def start(folder):
        go_on = ["--resume"] if (folder / LAST).exists() else []
        command = [*arguments, "--out", str(folder), *go_on]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(folders[0]).wait() == 0
    for _ in range(KILLS):
        process = start(folders[1])
        before = (folders[1] / LAST).stat().st_mtime_ns if (folders[1] / LAST).exists() else 0
        while process.poll() is None:  # until it has saved something new, and a little longer
            if (folders[1] / LAST).exists() and (folders[1] / LAST).stat().st_mtime_ns != before:
                break
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
    assert start(folders[1]).wait() == 0
    states = [load_checkpoint(folder / LAST)[0].state_dict() for folder in folders]
    for name in states[0]:
        np.testing.assert_array_equal(states[1][name], states[0][name])


def test_a_full_disk_stops_a_run_that_then_goes_on_as_if_nothing_had_been(run, utterances):
    undisturbed, full = run("undisturbed"), run("full", epochs=1)
    before = contents(full)
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999)); "
    code += "import ds2np.model, toys; ds2np.model.PRESETS['toy'] = toys.MODEL; "
    code += "from ds2np.cli import main; sys.exit(main(sys.argv[1:]))"
    manifest = utterances[0].where.rsplit(":", 1)[0]
    options = ["--preset", "toy", "--train", manifest, "--dev", manifest, "--out", str(full)]
    options += ["--learning-rate", str(toys.TRAINING.learning_rate), "--batch-size", "4"]
    command = [sys.executable, "-c", code, "train", *options, "--epochs", "2", "--resume"]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(toys.__file__)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "npz could not be written (File too large)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert contents(full) == before
    run("full", resume=True)
    states = [load_checkpoint(folder / LAST)[0].state_dict() for folder in (undisturbed, full)]
    for name in states[0]:
        np.testing.assert_array_equal(states[1][name], states[0][name])


@pytest.fixture
def edit_progress(tmp_path):
    """Change what the last checkpoint of a run says of its progress."""

    def edit(change):
        path = tmp_path / "run" / LAST
        with np.load(path) as archive:
            arrays = dict(archive)
        header = json.loads(str(arrays["header"]))
        change(header["progress"])
        arrays["header"] = np.array(json.dumps(header))
        np.savez(path, **arrays)

    return edit


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda p: p.pop("norms"), "its norms is None, needed is list"),
        (lambda p: p.update(step="2"), "its step is '2', needed is int"),
        (lambda p: p.update(identity=[]), r"its identity is \[\], needed is dict"),
        (lambda p: p["history"][0].pop("wer"), "its history has no wer"),
        (lambda p: p["history"].append(3), "its history has no blank_share"),
    ],
)
def test_a_checkpoint_written_over_by_hand_is_refused(run, edit_progress, change, problem):
    run(epochs=1)
    edit_progress(change)
    with pytest.raises(UserError, match=rf"last\.npz cannot go on: {problem}; start anew"):
        run(resume=True)


def test_a_history_that_a_power_cut_left_behind_is_made_good(run):
    folder = run(epochs=1)
    (folder / HISTORY).unlink()
    run(epochs=1, resume=True)
    assert len(read_history(folder / HISTORY)) == 1


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
        "Epoch 1 of 2, 33% of it done",
        "Epoch 1 of 2, 67% of it done",
        "Epoch 1 of 2, 100% of it done",
        "1 of 2 epochs are done.",
    ]
    assert statuses[-1] == ""


@pytest.mark.parametrize("rate", [1e20, 1e29])
def test_steps_too_long_stop_the_run_without_a_warning(run, rate):
    with pytest.raises(UserError, match="not finite"):
        run(learning_rate=rate, batch_size=1)


def test_history_round_trip(tmp_path, finished):
    rows = read_history(finished / HISTORY)
    write_history(tmp_path / "a.csv", rows)
    assert read_history(tmp_path / "a.csv") == rows


@pytest.mark.parametrize("content", ["epoch,wer\n1,0.5\n", "a picture of a cat", "\x00\xff"])
def test_a_damaged_history_is_named(tmp_path, finished, content):
    path = tmp_path / HISTORY
    header = (finished / HISTORY).read_text().splitlines()[0]
    for text in (f"a,b\n{content}", f"{header}\n{content}\n"):
        path.write_text(text)
        with pytest.raises(UserError, match=r"history\.csv is damaged"):
            read_history(path)
