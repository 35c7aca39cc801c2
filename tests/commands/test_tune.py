"""The command tune: the best weights are found, kept in the run, and used from then on."""

import json
import shutil

import pytest
from helpers import toys

from ds2np.lm import NGram


@pytest.fixture
def corpus(tmp_path):
    return toys.make_corpus(tmp_path / "corpus")


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture
def lm(corpus, tmp_path):
    texts = [json.loads(line)["text"] for line in corpus.read_text().splitlines()]
    path = tmp_path / "lm.arpa"
    NGram.train(texts, order=2, log=None).save(path)
    return path


def test_the_best_pair_is_kept_and_used(ds2np, run, corpus, lm):
    code, out, err = ds2np(
        *("tune", run, corpus, "--lm", lm, "--alphas", 0, 1, "--betas", 0, 2, "--device", "cpu")
    )
    assert code == 0, err
    assert "utterances, greedy: WER " in out
    settings = json.loads((run / "decoder.json").read_text())
    assert settings["decoder"] == "beam"
    assert settings["lm"] == str(lm.resolve())
    assert (settings["alpha"], settings["beta"]) in [(0, 0), (0, 2), (1, 0), (1, 2)]
    assert (run / "decoder.png").read_bytes().startswith(b"\x89PNG")
    rate = next(line for line in out.splitlines() if line.startswith("alpha")).split("WER ")[1]
    rate = float(rate.split(" %")[0])
    summary = json.loads(ds2np("evaluate", run, corpus, "--json", "--device", "cpu")[1])
    assert 100 * summary["wer"] == pytest.approx(rate, abs=0.06)
    greedy = json.loads(
        ds2np("evaluate", run, corpus, "--json", "--decoder", "greedy", "--device", "cpu")[1]
    )
    assert summary["wer"] <= greedy["wer"]


def test_texts_are_listed_best_first(ds2np, run, corpus, lm):
    recording = corpus.parent / "0.wav"
    options = "--lm", lm, "--n-best", 3, "--device", "cpu"
    entry = json.loads(ds2np("transcribe", run, recording, "--json", *options)[1])
    scores = [one["score"] for one in entry["n_best"]]
    assert 1 <= len(scores) <= 3
    assert scores == sorted(scores, reverse=True)
    assert entry["n_best"][0]["text"] == entry["text"]
    for one in entry["n_best"]:
        assert one["score"] == pytest.approx(one["acoustic"] + one["lm"])
    lines = ds2np("transcribe", run, recording, *options)[1].splitlines()
    assert [line.split("  ")[-1].strip() for line in lines] == [
        one["text"] for one in entry["n_best"]
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"run": "no"}, "no is no run folder"),
        ({"lm": "no.arpa"}, "no.arpa"),
        ({"alphas": "-1"}, "alpha -1: expected weights of at least 0"),
    ],
)
def test_bad_input_is_one_sentence(ds2np, run, corpus, lm, change, message):
    given = {"run": run, "lm": lm, "alphas": "1"} | change
    code, out, err = ds2np(
        *("tune", given["run"], corpus, "--lm", given["lm"], f"--alphas={given['alphas']}")
    )
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (run / "decoder.json").exists()


def test_a_language_model_that_is_gone_is_named(ds2np, run, corpus, lm):
    assert ds2np("tune", run, corpus, "--lm", lm, "--device", "cpu")[0] == 0
    lm.unlink()
    code, _, err = ds2np("evaluate", run, corpus, "--device", "cpu")
    assert code == 2
    assert str(lm) in err


def test_words_that_cannot_be_written_are_told_and_too_many_refused(ds2np, run, corpus, tmp_path):
    lm = tmp_path / "other.arpa"
    options = "evaluate", run, corpus, "--lm", lm, "--device", "cpu"
    NGram.train(["a b c ab xyz"], order=1, log=None).save(lm)
    code, _, err = ds2np(*options)
    assert code == 0
    told = f"the alphabet cannot write 20 % of the words of the language model {lm}, such as 'xyz'"
    assert f"warning: {told}; they are never recognised" in err
    NGram.train(["a xyz zebra"], order=1, log=None).save(lm)
    code, _, err = ds2np(*options)
    assert code == 2
    assert "cannot write 67 % of the words of the language model" in err
    NGram.train(["ABC CAB", "A B"], order=1, log=None).save(lm)
    assert "are in upper case ('ABC', 'CAB', 'A')" in ds2np(*options)[2]


def test_outputs_that_would_fill_the_memory_are_refused(ds2np, run, corpus, lm, monkeypatch):
    """They take 4 bytes for each of 5 symbols in each frame."""
    frames = [toys.MODEL.out_lengths(toys.MODEL.count_frames(0.1 * len(t))) for t in toys.TEXTS]
    monkeypatch.setattr("ds2np.machine.total_memory", lambda: 2 * 4 * 5 * sum(frames[:2]))
    code, _, err = ds2np("tune", run, corpus, "--lm", lm, "--device", "cpu")
    assert code == 2
    assert "for 10 recordings take" in err
    assert err.endswith("of memory; tune on the first 2\n")
    monkeypatch.setattr("ds2np.machine.total_memory", lambda: 2 * 4 * 5 * sum(frames))
    assert ds2np("tune", run, corpus, "--lm", lm, "--device", "cpu")[0] == 0
