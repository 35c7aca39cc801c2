"""Interrupted, killed, stopped by time or a full disk: a resumed run gives the same network."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from helpers import toys
from helpers.training import after_steps, contents, reproducible

from ds2np.data.dataset import Dataset
from ds2np.data.manifest import write_manifest
from ds2np.errors import UserError
from ds2np.evaluate import evaluate
from ds2np.model import DeepSpeech2
from ds2np.model.checkpoint import load_checkpoint, save_checkpoint
from ds2np.model.run_folder import RunFolder, load_run
from ds2np.train.history import read_history
from ds2np.train.run import train
from ds2np.train.trainer import Trainer

FILES = {"config.json", "history.csv", "best.npz", "last.npz", "report.html"}


pytestmark = pytest.mark.usefixtures("no_report")


@pytest.mark.parametrize("steps", [1, 3, 5, 6])  # of 3 an epoch, 6 in all
@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_resumes_exactly(run, monkeypatch, steps, request_to_end):
    undisturbed = run("undisturbed")
    with monkeypatch.context() as patch:
        after_steps(patch, steps, lambda: signal.raise_signal(request_to_end))
        with pytest.raises(KeyboardInterrupt):
            run("stopped")
    resumed = run("stopped", resume=True)

    (a, a_progress, a_state), (b, b_progress, b_state) = (
        load_checkpoint(RunFolder(folder).last) for folder in (undisturbed, resumed)
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
    assert RunFolder(undisturbed).best.exists() == RunFolder(resumed).best.exists()
    written = [
        [reproducible(row) for row in read_history(RunFolder(folder).history)]
        for folder in (undisturbed, resumed)
    ]
    assert written[0] == written[1]


def test_dropout_goes_on_with_the_masks_that_would_have_come(run, monkeypatch):
    model = dataclasses.replace(toys.MODEL, dropout=0.2)
    undisturbed, plain = run("undisturbed", model), run("plain")
    with monkeypatch.context() as patch:
        after_steps(patch, 4, lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            run("stopped", model)
    resumed = run("stopped", model, resume=True)
    expected, got, other = (
        load_checkpoint(RunFolder(folder).last)[0].flat_params
        for folder in (undisturbed, resumed, plain)
    )
    np.testing.assert_array_equal(got, expected)
    assert (got != other).any()


def test_an_interruption_during_the_evaluation_loses_nothing(run, monkeypatch, tmp_path):
    def interrupted(*arguments):
        signal.raise_signal(signal.SIGINT)
        return evaluate(*arguments)

    monkeypatch.setattr("ds2np.train.trainer.evaluate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert len(read_history(RunFolder(tmp_path / "run").history)) == 1
    progress = load_checkpoint(RunFolder(tmp_path / "run").last)[1]
    assert (len(progress["history"]), progress["batches_done"]) == (1, 0)


@pytest.fixture
def ctrl_c_raises():
    """Make Ctrl-C raise as in a terminal; a background process may ignore it."""
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
    assert (
        load_checkpoint(RunFolder(tmp_path / "run").last)[1]["batches_done"] == 0
    )  # the end of the first epoch
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_number_of_epochs_can_be_raised_later(run):
    straight, grown = run("straight", epochs=2), run("grown", epochs=1)
    run("grown", epochs=2, resume=True)
    weights = [load_run(RunFolder(f).last).params["output.W"] for f in (straight, grown)]
    np.testing.assert_array_equal(*weights)
    assert json.loads(RunFolder(grown).config.read_text())["training"]["epochs"] == 2


def test_a_run_is_not_overwritten(run):
    folder = run(epochs=1)
    before = contents(folder)
    with pytest.raises(UserError, match="holds a run already; resume it"):
        run(epochs=1)
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"model": dataclasses.replace(toys.MODEL, hidden=8)},
            "hidden was 12 in the checkpoint but is now 8",
        ),
        ({"learning_rate": 0.1}, "learning_rate was 0.005 in the checkpoint but is now 0.1"),
        ({"seed": 3}, "seed was 0 in the checkpoint but is now 3"),
    ],
)
def test_another_configuration_cannot_be_resumed(run, changes, named):
    folder = run(epochs=1)
    before = contents(folder)
    with pytest.raises(UserError) as caught:
        run(resume=True, **changes)
    assert str(caught.value).startswith(f"{folder} cannot be resumed: {named}")
    assert contents(folder) == before


def test_another_precision_cannot_be_resumed(run, utterances):
    folder = run(epochs=1)
    sets = (Dataset(chosen, toys.MODEL) for chosen in (utterances, utterances[:4]))
    config = dataclasses.replace(toys.TRAINING, precision="tf32")
    with pytest.raises(UserError, match="precision was float32 in the checkpoint but is now tf32"):
        Trainer(DeepSpeech2(toys.MODEL), *sets, folder, config).resume()


def test_other_data_cannot_be_resumed(run, utterances):
    folder = run(epochs=1, data=utterances[:9])
    before = contents(folder)
    reason = "run cannot be resumed: 2 of its 9 training utterances are new, and 2 of the 9 before"
    with pytest.raises(UserError, match=reason):
        run(data=[*utterances[:7], *utterances[9:], utterances[0]], resume=True)
    assert contents(folder) == before


def test_another_validation_set_cannot_be_resumed(run, utterances, tmp_path):
    """Its error rates would stand beside those of the first one, and decide which is the best."""
    folder = run(epochs=1)
    before = contents(folder)
    for other, found in ((utterances[:5], "1 utterances are new, 0"), (utterances[:3], "0 .*, 1")):
        with pytest.raises(UserError, match=rf"the validation set has changed \({found} are gone"):
            train(toys.MODEL, toys.TRAINING, utterances, other, folder, resume=True)
    assert contents(folder) == before


def test_no_checkpoint_to_resume(run):
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
    with pytest.raises(UserError, match="run cannot be created"):
        run()
    assert (tmp_path / "run").read_text() == "years of work"


def test_a_run_stopped_by_time_can_be_resumed(run, capsys):
    undisturbed, short = run("undisturbed"), run("short", minutes=1e-9)
    assert "time is up after 1 minibatches of epoch 1" in capsys.readouterr().out
    assert RunFolder(short).best.exists()
    assert not RunFolder(short).history.exists()
    run("short", resume=True)
    weights = [load_run(RunFolder(f).last).params["output.W"] for f in (undisturbed, short)]
    np.testing.assert_array_equal(*weights)


def test_the_best_checkpoint_can_replace_the_last(run, utterances):
    folder = run()
    shutil.copy(RunFolder(folder).best, RunFolder(folder).last)
    sets = (Dataset(chosen, toys.MODEL) for chosen in (utterances, utterances[:4]))
    trainer = Trainer(DeepSpeech2(toys.MODEL), *sets, folder, toys.TRAINING)
    trainer.resume()
    for name, value in load_checkpoint(RunFolder(folder).best)[0].params.items():
        np.testing.assert_array_equal(trainer.ema.mean[name], value)


KILLS = int(os.environ.get("DS2NP_KILLS", "3"))


def test_a_killed_run_resumes_to_the_same_network(utterances, tmp_path):
    manifest = utterances[0].where.rsplit(":", 1)[0]
    code = "import sys, ds2np.train.trainer as t; t.SAVE_EVERY = 0; t.Report.show = "
    code += "t.Report.write = lambda *rest: None; "
    code += "from ds2np.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, "train", "--train", manifest, "--dev", manifest]
    arguments += ["--sample-rate", str(toys.RATE), "--epochs", "8", "--batch-size", "2"]
    rng = np.random.default_rng()
    folders = tmp_path / "undisturbed", tmp_path / "killed"

    def start(folder):
        resume = ["--resume"] if RunFolder(folder).last.exists() else []
        command = [*arguments, "--out", str(folder), *resume]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    assert start(folders[0]).wait() == 0
    for _ in range(KILLS):
        process = start(folders[1])
        before = (
            RunFolder(folders[1]).last.stat().st_mtime_ns
            if RunFolder(folders[1]).last.exists()
            else 0
        )
        while process.poll() is None:  # until it has saved something new, and a little longer
            if (
                RunFolder(folders[1]).last.exists()
                and (RunFolder(folders[1]).last).stat().st_mtime_ns != before
            ):
                break
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.2))
        process.kill()
        process.wait()
    assert start(folders[1]).wait() == 0
    states = [load_checkpoint(RunFolder(folder).last)[0].state_dict() for folder in folders]
    for name in states[0]:
        np.testing.assert_array_equal(states[1][name], states[0][name])


def test_a_run_stopped_by_a_full_disk_resumes_exactly(run, utterances, tmp_path):
    undisturbed, full = run("undisturbed"), run("full", epochs=1)
    before = contents(full)
    code = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (9999, 9999)); "
    code += "import ds2np.model, toys; ds2np.model.PRESETS['toy'] = toys.MODEL; "
    code += "from ds2np.cli import main; sys.exit(main(sys.argv[1:]))"
    manifest, dev = utterances[0].where.rsplit(":", 1)[0], tmp_path / "dev.jsonl"
    write_manifest(dev, utterances[:4])
    options = ["--preset", "toy", "--train", manifest, "--dev", str(dev), "--out", str(full)]
    options += ["--learning-rate", str(toys.TRAINING.learning_rate), "--batch-size", "4"]
    command = [sys.executable, "-c", code, "train", *options, "--epochs", "2", "--resume"]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(toys.__file__)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "npz could not be written (File too large)" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert contents(full) == before
    run("full", resume=True)
    states = [
        load_checkpoint(RunFolder(folder).last)[0].state_dict() for folder in (undisturbed, full)
    ]
    for name in states[0]:
        np.testing.assert_array_equal(states[1][name], states[0][name])


@pytest.fixture
def edit_progress(tmp_path):
    """Change the progress stored in the last checkpoint of a run."""

    def edit(change):
        path = RunFolder(tmp_path / "run").last
        with np.load(path) as archive:
            arrays = dict(archive)
        header = json.loads(str(arrays["header"]))
        change(header["progress"])
        arrays["header"] = np.array(json.dumps(header))
        np.savez(path, **arrays)

    return edit


def test_a_setting_newer_than_the_checkpoint_had_its_default(run, edit_progress):
    run(epochs=1)
    edit_progress(lambda p: [p["identity"].pop(name) for name in ("precision", "dropout")])
    run(epochs=2, resume=True)
    edit_progress(lambda p: p["identity"].pop("momentum"))
    with pytest.raises(UserError, match=r"momentum was 0\.98 in the checkpoint but is now"):
        run(epochs=2, resume=True, momentum=0.5)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda p: p.pop("norms"), "its norms is None, expected list"),
        (lambda p: p.update(batches_done="2"), "its batches_done is '2', expected int"),
        (lambda p: p.update(identity=[]), r"its identity is \[\], expected dict"),
        (lambda p: p["history"][0].pop("wer"), "its history has no wer"),
        (lambda p: p["history"].append(3), "its history has no blank_share"),
    ],
)
def test_a_checkpoint_edited_by_hand_is_refused(run, edit_progress, change, problem):
    run(epochs=1)
    edit_progress(change)
    with pytest.raises(
        UserError, match=rf"last\.npz cannot be resumed: {problem}; start a new run"
    ):
        run(resume=True)


def test_a_checkpoint_of_a_network_alone_cannot_be_resumed(run):
    folder = RunFolder(run(epochs=1))
    model, progress, _ = load_checkpoint(folder.last)
    save_checkpoint(folder.last, model, progress)
    with pytest.raises(UserError, match="it does not say which utterances it is of"):
        run(resume=True)


def test_a_history_lost_in_a_power_cut_is_written_again(run):
    folder = run(epochs=1)
    RunFolder(folder).history.unlink()
    run(epochs=1, resume=True)
    assert len(read_history(RunFolder(folder).history)) == 1
