"""`adapt`: what it prints, its exit codes, and what careless users do."""

import json
import re
import shutil

import pytest
from helpers import toys

from ds2np.adapt import adaptation
from ds2np.model.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture
def corpus(tmp_path):
    return toys.make_corpus(tmp_path / "corpus")


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(adaptation, "OWN", 8)
    monkeypatch.setattr(adaptation, "BEFORE", 4)


@pytest.mark.usefixtures("quick")
def test_rates_before_and_after(finished, corpus, tmp_path, ds2np):
    out = tmp_path / "new"
    code, text, err = ds2np(
        "adapt", finished, corpus, "--mix", corpus, "--epochs", "2", "--out", out
    )
    assert "Traceback" not in err
    rate, loss = r"[\d.]+% -> [\d.]+%", r"[\d.]+ -> [\d.]+"
    for name in ("your sentences that were held out", "what it knew before"):
        assert re.search(rf"{name}, \d+: WER {rate}, CER {rate}, loss {loss}\n", text)
    if code == 0:
        assert text.endswith(f"the network that knows your voice: {out}\n")
        assert RunFolder(out).best.exists()
    else:
        assert (code, RunFolder(out).holds_run) == (1, False)
        assert "that did not help: the new network was not kept" in text


@pytest.mark.usefixtures("quick")
def test_nothing_to_mix_in_is_said(finished, corpus, tmp_path, ds2np):
    run = shutil.copytree(finished, tmp_path / "run")
    written = json.loads(RunFolder(run).config.read_text())
    assert written.pop("train_manifests")
    RunFolder(run).config.write_text(json.dumps(written))
    _, text, err = ds2np("adapt", run, corpus, "--epochs", "1", "--out", tmp_path / "new")
    assert "what it knew before" not in text
    assert "nothing was mixed in, and other voices may be forgotten (--mix M.jsonl)" in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["no.jsonl"], "no.jsonl: no such manifest"),
        (["{folder}"], "is a folder; name the file of its text, too"),
        (["{folder}", "no.txt"], "is a folder without recordings"),
        (["{corpus}", "no.txt"], "is no folder: a manifest has its texts"),
        (["{corpus}", "--mix", "no.jsonl"], "no.jsonl: no such manifest"),
    ],
)
def test_bad_input(finished, corpus, tmp_path, ds2np, given, message):
    (tmp_path / "empty").mkdir()
    given = [each.format(folder=tmp_path / "empty", corpus=corpus) for each in given]
    code, _, err = ds2np("adapt", finished, *given, "--out", tmp_path / "new")
    assert (code, message in err, "Traceback" in err) == (2, True, False)
    assert not (tmp_path / "new").exists()


def test_no_network(corpus, tmp_path, ds2np):
    code, _, err = ds2np("adapt", tmp_path / "no", corpus, "--out", tmp_path / "new")
    assert (code, "Traceback" in err) == (2, False)
    assert str(tmp_path / "no") in err
