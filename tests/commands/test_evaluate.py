"""Recordings that cannot be evaluated, or hardly recognised, are named and counted."""

import json

import jiwer
import numpy as np
import pytest
import soundfile
from helpers import toys


@pytest.fixture
def corpus(tmp_path):
    return toys.make_corpus(tmp_path / "corpus")


def test_a_damaged_recording_is_left_out_and_the_code_says_so(ds2np, finished, corpus):
    path = corpus.parent / "3.wav"
    path.write_bytes(b"no sound")
    code, out, err = ds2np("evaluate", finished, corpus, "--json")
    assert code == 2
    summary = json.loads(out)
    assert len(summary["utterances"]) == 9
    assert str(path) not in [u["audio_filepath"] for u in summary["utterances"]]
    (left_out,) = summary["left_out"]
    assert left_out["audio_filepath"] == str(path)
    assert left_out["reason"].startswith(f"{corpus}:4: {path} is not readable audio")
    assert f"left out: {corpus}:4: {path} is not readable audio" in err
    last = f"error: {corpus}: 1 of 10 utterances were left out, see above"
    assert err.splitlines()[-1] == last


def test_the_other_utterances_are_evaluated_as_if_alone(ds2np, finished, corpus, tmp_path):
    lines = corpus.read_text().splitlines()
    rest = corpus.with_name("rest.jsonl")
    rest.write_text("\n".join(lines[:3] + lines[4:]))
    expected = json.loads(ds2np("evaluate", finished, rest, "--json")[1])
    (corpus.parent / "3.wav").write_bytes(b"no sound")
    got = json.loads(ds2np("evaluate", finished, corpus, "--json")[1])
    assert {**got, "left_out": []} == expected


def test_several_manifests_are_evaluated_together(ds2np, finished, corpus):
    lines = corpus.read_text().splitlines()
    parts = [corpus.with_name(name) for name in ("a.jsonl", "b.jsonl")]
    for part, some in zip(parts, (lines[:4], lines[4:]), strict=True):
        part.write_text("\n".join(some))
    whole = json.loads(ds2np("evaluate", finished, corpus, "--json")[1])
    code, out, _ = ds2np("evaluate", finished, *parts, "--json")
    assert code == 0
    assert json.loads(out) == whole


@pytest.mark.parametrize(
    ("spoil", "warning", "summary"),
    [
        (
            lambda sound: (sound[::2], toys.RATE // 2),
            "was recorded at 800 Hz, but the network expects 1,600 Hz",
            "warning: 3 recordings below the sampling rate of the network",
        ),
        (
            lambda sound: (np.stack([sound, -sound], axis=1), toys.RATE),
            "has 2 channels that cancel each other out",
            "warning: 3 recordings whose channels cancel each other out",
        ),
        (
            lambda sound: (0 * sound, toys.RATE),
            "is silent from beginning to end",
            "warning: 3 recordings of silence",
        ),
    ],
)
def test_suspect_recordings_are_one_warning_of_each_kind(
    ds2np, finished, corpus, spoil, warning, summary
):
    for i in range(3):
        sound, _ = soundfile.read(corpus.parent / f"{i}.wav")
        soundfile.write(corpus.parent / f"{i}.wav", *spoil(sound))
    code, _, err = ds2np("evaluate", finished, corpus)
    assert code == 0
    assert err.count(warning) == 1
    assert err.count("warning: ") == 2
    assert summary in err


def test_the_best_of_several_texts_is_counted(ds2np, finished, corpus):
    options = "--json", "--decoder", "beam"
    one = json.loads(ds2np("evaluate", finished, corpus, *options)[1])
    many = json.loads(ds2np("evaluate", finished, corpus, *options, "--n-best", 5)[1])
    assert "oracle_wer" not in one
    assert many["wer"] == one["wer"]
    total = words = 0
    for utterance in many["utterances"]:
        texts = [each["text"] for each in utterance["n_best"]]
        assert texts[0] == utterance["hypothesis"]
        assert 1 <= len(texts) <= 5
        edits = [jiwer.process_words(utterance["reference"], text) for text in texts]
        total += min(e.substitutions + e.insertions + e.deletions for e in edits)
        words += len(utterance["reference"].split())
    assert many["oracle_wer"] == pytest.approx(total / words)
    assert many["oracle_wer"] < many["wer"]
    _, out, _ = ds2np("evaluate", finished, corpus, *options[1:], "--n-best", 5)
    rate = f"{100 * many['oracle_wer']:.1f} %"
    assert f"WER of the best of the texts of each utterance: {rate}" in out
