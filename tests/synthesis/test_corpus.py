import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
import synthetic
from helpers.voices import need_espeak

from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.synthesis import corpus as corpus_module
from ds2np.synthesis import recording
from ds2np.synthesis.recording import Spoken

SCRIPT = Path(__file__).parents[2] / "data_scripts" / "synthetic.py"
SIZE = ("--train", "12", "--test", "6", "--seed", "5")


def make(folder, *arguments, cwd=None):
    command = [sys.executable, "-W", "error", SCRIPT, "--out", folder, *SIZE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    need_espeak()
    folder = tmp_path_factory.mktemp("made") / "below" / "corpus"
    done = make(folder, "--jobs", "1", cwd=folder.parents[1])
    assert done.returncode == 0, done.stderr
    return folder, done


def test_it_prints_a_line_for_each_manifest(corpus):
    lines = corpus[1].stdout.splitlines()
    assert len(lines) == 2
    assert "train.jsonl: " in lines[0]
    assert "minutes, 12 speakers, 12 utterances" in lines[0]
    assert "test.jsonl: " in lines[1]
    assert "minutes, 6 speakers, 6 utterances" in lines[1]


def test_manifests_fit_the_audio(corpus):
    for part, count in (("train", 12), ("test", 6)):
        utterances = read_manifest(corpus[0] / f"{part}.jsonl")
        assert len(utterances) == count
        for utterance in utterances:
            info = soundfile.info(utterance.audio_filepath)
            assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
            assert info.duration == pytest.approx(utterance.duration, abs=1e-4)
            samples, _ = soundfile.read(utterance.audio_filepath)
            assert np.sqrt(np.mean(samples**2)) > 0.01
            assert np.abs(samples).max() < 0.95


def test_every_text_fits_into_its_frames(corpus):
    # CTC needs a frame a character, and one more between two that are the same.
    for part in ("train", "test"):
        for utterance in read_manifest(corpus[0] / f"{part}.jsonl"):
            text = utterance.text
            repeats = sum(a == b for a, b in pairwise(text))
            frames = (utterance.duration - 0.02) * 50
            assert len(text) + repeats < 0.8 * frames


def test_the_settings_are_written(corpus):
    settings = json.loads((corpus[0] / "corpus.json").read_text())
    assert (settings["seed"], settings["train"], settings["test"]) == (5, 12, 6)
    speakers = {utterance.speaker for utterance in read_manifest(corpus[0] / "test.jsonl")}
    assert speakers <= set(settings["test_voices"])
    assert not set(settings["test_voices"]) & set(settings["train_voices"])
    assert settings["espeak_version"]


def test_neither_jobs_nor_the_time_of_day_change_it(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "BATCH_SIZE", 9)  # of 18, so that two jobs have work
    for jobs in (1, 2):
        (tmp_path / str(jobs)).mkdir()
        corpus_module.make_corpus(tmp_path / str(jobs), seed=5, train=12, test=6, jobs=jobs)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert one == two
    assert len(one) == 12 + 6 + 3


def crash(batch):
    os._exit(3)


def test_a_crash_of_the_library_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(recording, "speak_batch", crash)
    spoken = [Spoken("0.wav", "the cat", "en", 150, 50, 1.0)]
    with pytest.raises(UserError, match=r'crashed while it spoke one of the 1 .* "the cat"'):
        recording.record(tmp_path, spoken, 1)


def test_text_of_ones_own_is_english(run_script, tmp_path):
    given = "--out", tmp_path / "corpus", "--text", tmp_path / "t.txt", "--language", "zh"
    code, _, err = run_script(synthetic, *given)
    assert code == 2
    assert "--text speaks English" in err


def test_a_corpus_is_not_overwritten(corpus, run_script):
    before = contents(corpus[0])
    code, out, err = run_script(synthetic, "--out", corpus[0], *SIZE)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "already holds a corpus; force its replacement or choose another folder" in err
    assert contents(corpus[0]) == before


def test_force_replaces_a_corpus_only(corpus, tmp_path):
    corpus_module.check_replaceable(corpus[0], force=True)
    (tmp_path / "train").mkdir()
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"holds thesis\.txt.*another folder"):
        corpus_module.check_replaceable(tmp_path, force=True)
    with pytest.raises(UserError, match="is a file"):
        corpus_module.check_replaceable(tmp_path / "thesis.txt", force=True)
    (tmp_path / "thesis.txt").unlink()
    (tmp_path / "train").rmdir()
    corpus_module.check_replaceable(tmp_path, force=False)


def test_a_failure_leaves_nothing(corpus, tmp_path, monkeypatch, run_script):
    earlier = tmp_path / "corpus"
    earlier.mkdir()
    (earlier / "corpus.json").write_text("{}")

    def fail(folder, spoken, jobs):
        (folder / "train" / "00000.wav").touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(corpus_module, "record", fail)
    code, out, err = run_script(synthetic, "--out", earlier, "--force")
    assert (code, out, err) == (130, "", "\ninterrupted\n")
    assert contents(tmp_path) == {Path("corpus/corpus.json"): b"{}"}


def test_invalid_numbers_are_refused(run_script, tmp_path):
    for option, value in (("--train", "0"), ("--seed", "-1"), ("--jobs", "many")):
        code, _, err = run_script(synthetic, "--out", tmp_path / "corpus", option, value)
        assert code == 2
        assert f"{option}: {value} is not a whole number of at least" in err


def test_sentences_of_a_text_are_spoken(corpus, tmp_path):
    colours, animals = ("red", "green", "blue"), ("cats", "dogs", "birds", "fish", "mice", "bees")
    sentences = [f"{colour} {animal}" for colour in colours for animal in animals]
    text = tmp_path / "text.txt"
    text.write_text("\n".join([*sentences, "", *sentences]))
    done = make(tmp_path / "spoken", "--text", text, "--sizes", "1", "1.3")
    assert done.returncode == 0, done.stderr
    parts = [read_manifest(tmp_path / "spoken" / f"{part}.jsonl") for part in ("train", "test")]
    assert [len(part) for part in parts] == [12, 6]
    assert sorted(u.text for part in parts for u in part) == sorted(sentences)
    settings = json.loads((tmp_path / "spoken" / "corpus.json").read_text())
    assert settings["train_sizes"] == [1, 1.3]


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ("one\ntwo\none", (), "the text has 2 distinct sentences, fewer than the 18 to be spoken"),
        ("one\nNo. 2", (), "text.txt, line 2: the alphabet has no '.'; lm_text.py makes text"),
        ("one", ("--sizes", "1.2", "1"), "--sizes 1.2 1: expected the smaller first"),
        ("one", ("--sizes", "1", "9"), "9 is not a size from 0.5 to 2"),
    ],
)
def test_a_text_that_cannot_be_spoken_is_refused(run_script, tmp_path, lines, options, message):
    text = tmp_path / "text.txt"
    text.write_text(lines)
    given = "--out", tmp_path / "corpus", "--text", text, *SIZE, *options
    code, _, err = run_script(synthetic, *given)
    assert code == 2
    assert message in err
    assert not (tmp_path / "corpus").exists()
