"""The path from a corpus to a transcript on real recordings, a few of each corpus."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ds2np.cli import main
from ds2np.data.manifest import read_manifest, write_manifest

SCRIPTS = Path(__file__).parents[1] / "data_scripts"


@pytest.mark.parametrize(
    ("script", "corpus", "train", "dev"),
    [
        ("fsdd.py", "fsdd", "train", "test"),
        ("librispeech.py", "speechocean762", "train", "dev"),
        ("librispeech.py", "LibriSpeech", "test-clean", "dev-clean"),
    ],
)
def test_index_train_evaluate_transcribe(script, corpus, train, dev, shared_data, tmp_path, capsys):
    command = [sys.executable, SCRIPTS / script, "--root", shared_data / corpus, "--out", tmp_path]
    subprocess.run(command, check=True, capture_output=True)
    manifests = {}
    for part, name, count in (("train", train, 24), ("dev", dev, 6)):
        utterances = read_manifest(tmp_path / f"{name}.jsonl")
        drawn = np.random.default_rng(0).permutation(len(utterances))[:count]
        manifests[part] = tmp_path / f"few-{part}.jsonl"
        write_manifest(manifests[part], [utterances[i] for i in drawn])
    run = tmp_path / "run"
    arguments = ["--train", manifests["train"], "--dev", manifests["dev"], "--out", run]
    assert main(["train", *map(str, arguments), "--epochs", "1"]) == 0
    assert (run / "report.html").exists()
    capsys.readouterr()
    assert main(["evaluate", str(run), str(manifests["dev"])]) == 0
    assert "WER" in capsys.readouterr().out
    recording = read_manifest(manifests["dev"])[0].audio_filepath
    assert main(["transcribe", str(run), str(recording)]) == 0
