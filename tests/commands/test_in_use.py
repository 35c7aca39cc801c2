"""Commands that would train into the folder of a run that another process trains."""

import socket

import pytest
from helpers import toys
from helpers.launcher import holding

from ds2np import model
from ds2np.model.run_folder import RunFolder

COMMANDS = {
    "train": ["train", "--out", "RUN"],
    "train --resume": ["train", "--out", "RUN", "--resume"],
    "train --overfit": ["train", "--out", "RUN", "--overfit", 2],
    "demo": ["demo", "--folder", "FOLDER"],
    "demo --resume": ["demo", "--folder", "FOLDER", "--resume"],
    "demo --restart": ["demo", "--folder", "FOLDER", "--restart"],
    "graduation": ["demo", "--folder", "FOLDER", "--restart", "--answers", "ANSWERS"],
}


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize("name", COMMANDS)
def test_a_run_in_use_is_refused(name, is_new, tmp_path, monkeypatch, ds2np):
    monkeypatch.setitem(model.PRESETS, "toy", toys.MODEL)
    manifest = toys.make_corpus(tmp_path / "corpus")
    (tmp_path / "answers.py").touch()
    run = RunFolder(tmp_path / ("graduation" if name == "graduation" else "run"))
    run.path.mkdir()
    if not is_new:
        run.config.write_text("{}")
        run.last.write_text("theirs")
    places = {"RUN": run.path, "FOLDER": tmp_path, "ANSWERS": tmp_path / "answers.py"}
    command = [places.get(word, word) for word in COMMANDS[name]]
    if command[0] == "train":
        command += ["--preset", "toy", "--train", manifest, "--dev", manifest]
    with holding(run.lock) as process:
        code, _, err = ds2np(*command)
        assert (code, err.count("\n")) == (2, 1)
        assert f"{run.path} is in use by process {process.pid} on {socket.gethostname()}" in err
        left = {"lock"} | (set() if is_new else {"config.json", "last.npz"})
        assert {path.name for path in run.path.iterdir()} == left


def test_a_corpus_in_the_making_is_refused(tmp_path, ds2np):
    with holding(tmp_path / "corpus.lock") as process:
        code, _, err = ds2np("demo", "--folder", tmp_path)
    assert code == 2
    assert f"{tmp_path / 'corpus'} is in use by process {process.pid} " in err
    assert [path.name for path in tmp_path.iterdir()] == ["corpus.lock"]
