"""What a run could do without must not cost what it exists for: pictures, best.npz, history."""

import os
import subprocess
import sys

import numpy as np
import pytest
from helpers import toys

from ds2np.errors import UserError
from ds2np.model import checkpoint
from ds2np.model.checkpoint import load_checkpoint
from ds2np.model.run_folder import RunFolder
from ds2np.train.history import read_history


def spoil(monkeypatch, name, place):
    """Let the disk be full whenever a checkpoint of this name is to be written."""
    save = checkpoint.save_checkpoint

    def full(path, *rest):
        if path.name == name:
            raise UserError(f"{path} could not be written (No space left on device)")
        save(path, *rest)

    monkeypatch.setattr(place, full)


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("name", ["last.npz", "best.npz"])
def test_a_disk_that_is_full_in_the_first_epoch(run, monkeypatch, tmp_path, name):
    undisturbed = run("undisturbed")
    with monkeypatch.context() as patch:
        spoil(patch, name, "ds2np.train.trainer.save_checkpoint")
        with pytest.raises(UserError, match="No space left"):
            run()
    run(resume=name == "best.npz")
    for each in ("last.npz", "best.npz"):
        states = [
            load_checkpoint(folder / each)[0].state_dict()
            for folder in (undisturbed, tmp_path / "run")
        ]
        for key in states[0]:
            np.testing.assert_array_equal(states[1][key], states[0][key])


@pytest.mark.usefixtures("no_report")
def test_the_best_network_of_an_epoch_is_not_lost_with_the_disk_full(run, monkeypatch, tmp_path):
    """The next epoch may be worse: best.npz is written before it begins."""
    with monkeypatch.context() as patch:
        spoil(patch, "best.npz", "ds2np.train.trainer.save_checkpoint")
        with pytest.raises(UserError, match="No space left"):
            run(epochs=1)
    run(epochs=1, resume=True)
    assert len(load_checkpoint(RunFolder(tmp_path / "run").best)[1]["history"]) == 1


SETTINGS = {
    "a broken matplotlibrc": ({"MATPLOTLIBRC": "rc"}, "text.usetex: True\nno.such.key: 3\n"),
    "an unknown backend": ({"MPLBACKEND": "nonsense"}, ""),
}


@pytest.mark.parametrize("kind", SETTINGS)
def test_settings_of_matplotlib_do_not_end_a_run(utterances, tmp_path, kind):
    variables, text = SETTINGS[kind]
    (tmp_path / "rc").mkdir()
    (tmp_path / "rc" / "matplotlibrc").write_text(text)
    if "MATPLOTLIBRC" in variables:
        variables = {"MATPLOTLIBRC": str(tmp_path / "rc")}
    manifest = utterances[0].where.rsplit(":", 1)[0]
    out = tmp_path / "run"
    command = [sys.executable, "-m", "ds2np", "train", "--train", manifest, "--dev", manifest]
    command += ["--sample-rate", str(toys.RATE), "--epochs", "1", "--out", str(out)]
    ended = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert len(read_history(RunFolder(out).history)) == 1
    assert RunFolder(out).report.exists() == ("MATPLOTLIBRC" in variables)
    warned = "warning: the report" in ended.stderr
    assert warned == ("MPLBACKEND" in variables), ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_report_that_fails_is_a_warning(run, monkeypatch, capsys):
    def fail(*arguments):
        raise MemoryError

    monkeypatch.setattr("ds2np.train.report.plot_curves", fail)
    folder = run()
    assert not RunFolder(folder).report.exists()
    err = capsys.readouterr().err
    assert err.count("warning: the report") == 1
    assert "could not be made (MemoryError)" in err
