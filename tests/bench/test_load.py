"""Load on a server: a short run, and the figures that are made of it."""

import json

import numpy as np
import pytest
import soundfile
from helpers.streams import recogniser_of

from ds2np.bench.load import Load, count_held, make_sound
from ds2np.data.manifest import Utterance, write_manifest
from ds2np.model.checkpoint import save_checkpoint


@pytest.fixture
def run(tmp_path):
    save_checkpoint(tmp_path / "run" / "best.npz", recogniser_of().model, {})
    return tmp_path / "run"


@pytest.fixture(autouse=True)
def folder(tmp_path):
    (tmp_path / "run").mkdir()


def test_streams_are_answered(run, tmp_path, ds2np):
    options = ("--streams", 1, 3, "--seconds", 1)
    files = ("--json", tmp_path / "load.json", "--picture", tmp_path / "load.png")
    code, out, _ = ds2np("bench", "--serve", run, *options, *files)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("at most   1 together,   1 streams: median ")
    assert lines[-1].startswith("within 0.3 s (98 %): ")
    loads = json.loads((tmp_path / "load.json").read_text())
    assert {load["streams"] for load in loads} <= {1, 3}
    assert all(0 < load["median"] <= load["p98"] for load in loads)
    assert all(load["together"] == 0 for load in loads if load["batch"] == 1)
    assert (tmp_path / "load.png").stat().st_size > 5000


def test_how_many_are_held():
    loads = [Load(8, n, 0.1, p98, 0.5, 1.0) for n, p98 in ((1, 0.1), (10, 0.29), (20, 0.4))]
    assert count_held(loads, 8, 0.3) == 10
    assert count_held(loads, 1, 0.3) == 0


@pytest.fixture
def recordings(tmp_path, rng):
    utterances = []
    for i in range(3):
        path = tmp_path / f"{i}.wav"
        soundfile.write(path, rng.uniform(-0.5, 0.5, 3200), 1600)
        utterances.append(Utterance(path, 2, "a"))
    write_manifest(tmp_path / "three.jsonl", utterances)
    return tmp_path / "three.jsonl"


def test_streams_say_recordings(run, recordings, ds2np):
    options = ("--streams", 2, "--seconds", 1, "--gather", 0, "--speech", recordings)
    code, out, _ = ds2np("bench", "--serve", run, *options)
    assert code == 0
    assert len(out.splitlines()) == 3


def test_the_sound_of_a_stream():
    said = [np.full(8000, level, np.float32) for level in (0.25, 0.5)]
    sound = make_sound(4, 1, said)
    assert sound.shape == (41, 1600)
    levels = sound.ravel() / 32768
    loud = np.unique(levels[levels > 0.01].round(3))
    assert set(loud) <= {0.25, 0.5}
    quiet = levels < 0.01
    assert 0.3 < quiet.mean() < 0.7  # 0.5 s each
    assert len(np.unique(make_sound(4, 2))) > 5000  # noise


def test_recordings_are_answered(run, recordings, tmp_path, ds2np):
    options = ("--recordings", recordings, "--at-once", 2)
    code, out, _ = ds2np("bench", "--serve", run, *options, "--json", tmp_path / "load.json")
    assert code == 0
    assert out.splitlines()[-1].startswith("2 at once: ")
    rows = json.loads((tmp_path / "load.json").read_text())
    assert [(row["batch"], row["at_once"]) for row in rows] == [(128, 1), (1, 2), (128, 2)]
    assert all(row["rate"] > 0 and 0 < row["median"] <= row["p98"] for row in rows)


def test_a_recording_that_is_refused(run, tmp_path, ds2np):
    (tmp_path / "no.wav").write_bytes(b"no sound")
    write_manifest(tmp_path / "one.jsonl", [Utterance(tmp_path / "no.wav", 2, "a")])
    code, _, err = ds2np("bench", "--serve", run, "--recordings", tmp_path / "one.jsonl")
    assert code == 2
    assert "the server refuses a recording (400): " in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--at-once", 2), "--at-once belongs to --recordings MANIFEST"),
        (("--recordings", "a.jsonl", "--seconds", 1), "--seconds belongs to streams"),
    ],
)
def test_options_of_recordings(options, message, run, ds2np):
    code, _, err = ds2np("bench", "--serve", run, *options)
    assert code == 2
    assert message in err


@pytest.mark.parametrize("option", ["--streams", "--seconds", "--picture", "--at-once"])
def test_options_of_the_load(option, ds2np):
    code, _, err = ds2np("bench", option, "5")
    assert code == 2
    assert f"{option} belongs to --serve RUN" in err


def test_a_network_that_cannot_stream(tmp_path, ds2np):
    model = recogniser_of(bidirectional=True, normalisation="utterance").model
    save_checkpoint(tmp_path / "run" / "best.npz", model, {})
    code, _, err = ds2np("bench", "--serve", tmp_path / "run")
    assert code == 2
    assert "runs in both directions and cannot stream" in err
