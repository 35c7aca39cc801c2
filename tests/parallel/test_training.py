"""Training over real processes: the same network, whatever the number of processes."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers import toys
from helpers.launcher import MPIEXEC, ROOT, holding

from ds2np.model.checkpoint import load_checkpoint
from ds2np.model.run_folder import RunFolder

TRAIN = """
sys.path.append({tests!r})
import dataclasses
from helpers import toys
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest
from ds2np.model import DeepSpeech2
from ds2np.train.report import Report
from ds2np.train.trainer import Trainer

Report.show = Report.write = lambda self, *rest: self.path

class Fragile(Dataset):
    def features(self, i, rng=None):
        x = super().features(i, rng)
        return x * float("nan") if i in {broken} and rng is not None else x

utterances = read_manifest({manifest!r})
config = dataclasses.replace(toys.TRAINING, **{changes})
model = DeepSpeech2(toys.MODEL, dtype=np.dtype({dtype!r}))
data = Fragile(utterances, model.config, dtype=model.dtype)
dev = Fragile(utterances[:5], model.config, dtype=model.dtype)
trainer = Trainer(model, data, dev, {out!r}, config, comm)
trainer.start()
np.seterr(invalid="ignore")
trainer.run()
bits = [array.tobytes().hex() for array in (model.flat_params, *model.buffers.values())]
assert len(set(comm.gather("".join(bits)))) == 1  # all processes have the same network
"""


@pytest.fixture
def train(mpiexec, tmp_path):
    """Train on the toy over some processes; return the weights and the history."""
    manifest = toys.make_corpus(tmp_path / "corpus")

    def train(processes, *options, dtype="float64", broken=(), **changes):
        out = tmp_path / f"run{processes}{len(options)}"
        body = TRAIN.format(
            tests=str(Path(toys.__file__).parents[1]),
            manifest=str(manifest),
            out=str(out),
            dtype=dtype,
            broken=set(broken) or "()",
            changes=changes,
        )
        result = mpiexec(processes, body, *options)
        assert result.returncode == 0, result.stderr
        model, progress, _ = load_checkpoint(RunFolder(out).last)
        return model.state_dict(), progress["history"], result.stdout

    return train


TWENTY = {"epochs": 7, "batch_size": 4, "sync_batchnorm": True}  # 7 times 3 steps; 10 utterances


def assert_same(states, tolerance):
    for name, expected in states[0].items():
        for state in states[1:]:
            np.testing.assert_allclose(state[name], expected, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("changes", [{}, {"accumulate": 2}, {"broken": [3, 8]}])
def test_any_number_of_processes_gives_the_same_network(train, changes):
    runs = [train(n, **TWENTY, **changes) for n in (1, 2, 3, 4)]
    assert_same([state for state, _, _ in runs], 1e-10)
    for _, history, out in runs:
        assert history[-1]["wer"] == runs[0][1][-1]["wer"]
        assert [row["left_out"] for row in history] == [len(changes.get("broken", ()))] * 7
        assert out.count("left out: ") == 7 * len(changes.get("broken", ()))


def test_damaged_recordings_change_nothing_for_the_others(train, tmp_path):
    """They are named by the process that reads them, and counted over all processes."""
    corpus = tmp_path / "corpus"
    for i in (3, 8):  # one of them in the validation set, too
        (corpus / f"{i}.wav").write_bytes(b"no sound")
    runs = [train(n, **TWENTY) for n in (1, 2, 4)]
    assert_same([state for state, _, _ in runs], 1e-10)
    for _, history, _ in runs:
        assert [row["left_out"] for row in history] == [2] * 7
        for name in ("dev_loss", "wer"):
            assert history[-1][name] == pytest.approx(runs[0][1][-1][name], rel=1e-9)


@pytest.mark.parametrize("processes", [1, 3])
def test_many_damaged_recordings_end_all_processes(mpiexec, tmp_path, processes):
    manifest = toys.make_corpus(tmp_path / "corpus")
    for i in range(5):
        (tmp_path / "corpus" / f"{i}.wav").write_bytes(b"no sound")
    command = [sys.executable, "-m", "ds2np", "train", "--train", str(manifest)]
    command += ["--dev", str(manifest), "--sample-rate", str(toys.RATE), "--epochs", "2"]
    command += ["--batch-size", "10", "--out", str(tmp_path / "run")]
    command = [MPIEXEC, "-n", str(processes), *command]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=ROOT)
    assert ended.returncode == 2
    assert ended.stderr.count("error: ") == 1
    assert "5 of 10 recordings are unusable" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_two_simulated_machines(train):
    hosts = ("-launcher", "fork", "-hosts", "localhost,127.0.0.1", "-ppn", "1")
    assert_same([train(1, **TWENTY)[0], train(2, *hosts, **TWENTY)[0]], 1e-10)


def test_loss_curves_in_single_precision(train):
    one, two = (train(n, dtype="float32", **TWENTY)[1] for n in (1, 2))
    for curve in ("train_loss", "dev_loss"):
        losses = [[row[curve] for row in history] for history in (one, two)]
        np.testing.assert_allclose(*losses, rtol=0, atol=1e-4)


def test_training_without_sync_batchnorm(train):
    _, history, _ = train(2, **{**TWENTY, "sync_batchnorm": False})
    assert history[-1]["train_loss"] < 0.7 * history[0]["train_loss"]


# The command line, with a short time-out and a checkpoint after every step.
COMMAND = """
import functools, sys, ds2np.parallel, ds2np.train.trainer as t
t.SAVE_EVERY = 0
t.Report.show = t.Report.write = lambda self, *rest: self.path
ds2np.parallel.connect = functools.partial(ds2np.parallel.connect, timeout=4)
from ds2np.cli import main
sys.exit(main(sys.argv[1:]))
"""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@pytest.fixture
def command(tmp_path):
    """Return the command that trains over some processes."""
    manifest = toys.make_corpus(tmp_path / "corpus")

    def command(name, processes, *options):
        launcher = [MPIEXEC, "-n", str(processes)] if processes > 1 else []
        arguments = ["train", "--train", manifest, "--dev", manifest, "--out", tmp_path / name]
        arguments += ["--sample-rate", toys.RATE, "--batch-size", 4, "--sync-batchnorm", *options]
        return [*launcher, sys.executable, "-c", COMMAND, *map(str, arguments)]

    return command


def run(command):
    return subprocess.run(
        command,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def trained(command):
    ended = run(command)
    assert ended.returncode == 0, ended.stderr
    return load_checkpoint(RunFolder(command[command.index("--out") + 1]).last)[0].state_dict()


def test_only_the_main_process_prints(command, mpiexec):
    ended = run(command("run", 3, "--epochs", 2))
    assert ended.returncode == 0, ended.stderr
    assert "validation utterances; 3 processes" in ended.stdout
    for once in ("epoch 1 of 2", "best network:", "report: ", "memory: ", "for other processes"):
        assert ended.stdout.count(once) == (2 if once == "for other processes" else 1), once
    again = run(command("run", 3, "--epochs", 2))
    assert again.returncode == 2
    assert again.stderr.count("holds a run already; continue it with --resume") == 1
    assert "Traceback" not in again.stderr


def test_a_folder_in_use_is_refused_by_all_processes_at_once(command, mpiexec, tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    began = time.monotonic()
    with holding(folder.lock) as process:
        ended = run(command("run", 3, "--epochs", 2))
    assert time.monotonic() - began < 20
    assert ended.returncode == 2
    assert ended.stderr.count(f"{folder.path} is in use by process {process.pid} on ") == 1
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (signal.SIGKILL, "was the first on its machine to end"),
        (signal.SIGSTOP, r"rank [01] of 2 \(host \S+\) has not reached step \d+ of epoch \d+ "),
    ],
)
def test_a_run_that_loses_a_process_ends_and_can_be_resumed(
    command, mpiexec, tmp_path, trouble, said
):
    process = subprocess.Popen(
        command("run", 2, "--epochs", 40),
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        while not RunFolder(tmp_path / "run").last.exists():
            assert process.poll() is None
            time.sleep(0.01)
        ranks = subprocess.run(
            ["pgrep", "-f", f"{sys.executable} -c .*{tmp_path}/run"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        os.kill(int(ranks[-1]), trouble)
        began = time.monotonic()
        _, told = process.communicate(timeout=30)
    assert time.monotonic() - began < 30
    assert process.returncode
    assert re.search(said, told), told
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    done = load_checkpoint(RunFolder(tmp_path / "run").last)[1]["history"]
    enough = ("--epochs", len(done) + 4)
    two = trained(command("undisturbed", 2, *enough))
    assert_same([two, trained(command("run", 2, *enough, "--resume"))], 0)
    assert_same(
        [two, trained(command("again", 3, *enough, "--resume"))], 1e-4
    )  # summed in another order
