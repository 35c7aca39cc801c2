"""The command lm: text from everywhere, models in every form, perplexity, bad input."""

import gzip
import json
import re
import subprocess
import sys

import pytest
from helpers.language_models import ORACLE, ngrams_of, text_of

from ds2np.lm import NGram, perplexity

TEXT = ORACLE / "text.txt"
KENLM = 44.50100963969498, 33.60262165485094  # with and without unknown words


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "in" / "text.txt"
    path.parent.mkdir()
    path.write_bytes(TEXT.read_bytes())
    return path


@pytest.mark.parametrize("name", ["model.arpa", "model.arpa.gz", "model.lm"])
def test_a_model_is_trained_and_written(ds2np, tmp_path, name):
    out = tmp_path / "new" / name
    code, stdout, err = ds2np("lm", TEXT, "--order", 4, "--prune", 0, 1, 1, 2, "--out", out)
    assert code == 0
    expected = NGram.train(text_of(), 4, (0, 1, 1, 2), log=None)
    assert ngrams_of(NGram.load(out)) == ngrams_of(expected)
    assert "40 sentences; n-grams of words: 227 of order 1" in stdout
    assert str(out) in stdout
    assert err == ""


def test_too_little_text_for_discounts_is_told(ds2np, tmp_path):
    (tmp_path / "t.txt").write_text("a b\n")
    _, _, err = ds2np("lm", tmp_path / "t.txt", "--order", 2, "--out", tmp_path / "o.lm")
    told = "no n-gram has the count 2, so the discounts cannot be estimated; used 0.5, 1, 1.5"
    assert f"order 1: {told} instead\norder 2: {told} instead\n" in err


def test_characters(ds2np, tmp_path):
    out = tmp_path / "model.arpa"
    options = ("--characters", "--space", "_", "--order", 2, "--out", out, "--json")
    code, stdout, _ = ds2np("lm", TEXT, *options)
    assert code == 0
    found = json.loads(stdout)
    assert found["units"] == "characters"
    assert found["ngrams"] == NGram.load(out).counts()
    assert NGram.load(out).cut("a b") == ["a", "_", "b"]


def test_all_kinds_of_text_are_the_same_text(ds2np, tmp_path, text):
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    lines = TEXT.read_bytes().splitlines(keepends=True)
    (folder / "a.txt").write_bytes(b"\xef\xbb\xbf" + b"".join(lines[:10]))
    (folder / "deep" / "b.txt.gz").write_bytes(gzip.compress(b"".join(lines[10:])))
    (folder / "c.md").write_text("not this")
    manifest = tmp_path / "m.jsonl"
    entries = [{"audio_filepath": "a", "duration": 1, "text": t.decode().strip()} for t in lines]
    manifest.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    compressed = tmp_path / "text.gz"
    compressed.write_bytes(gzip.compress(TEXT.read_bytes()))
    expected = ngrams_of(NGram.train(text_of(), 3, log=None))
    for path in (text, folder, manifest, compressed):
        assert ds2np("lm", path, "--out", tmp_path / "o.lm")[0] == 0
        assert ngrams_of(NGram.load(tmp_path / "o.lm")) == expected
    ds2np("lm", text, manifest, "--out", tmp_path / "o.lm")
    twice = NGram.train(text_of() * 2, 3, log=None)
    assert ngrams_of(NGram.load(tmp_path / "o.lm")) == ngrams_of(twice)


def test_standard_input(tmp_path):
    command = [sys.executable, "-m", "ds2np", "lm", "-", "--out", tmp_path / "o.lm"]
    subprocess.run(command, input=TEXT.read_bytes(), check=True, capture_output=True)
    expected = ngrams_of(NGram.train(text_of(), 3, log=None))
    assert ngrams_of(NGram.load(tmp_path / "o.lm")) == expected


def test_empty_lines_are_told(ds2np, tmp_path):
    (tmp_path / "t.txt").write_text("a b c\n\n  \nd\n")
    _, stdout, _ = ds2np("lm", tmp_path / "t.txt", "--out", tmp_path / "o.lm")
    assert stdout.startswith("2 of 4 lines are empty; each is an empty sentence\n")


def test_perplexity_is_that_of_kenlm(ds2np, tmp_path):
    """Frozen from KenLM's `query MODEL < TEXT`."""
    lines = list(json.loads((ORACLE / "scores.json").read_text()))
    (tmp_path / "t.txt").write_text("\n".join(lines) + "\n")
    model = ORACLE / "order5.arpa.gz"
    _, stdout, _ = ds2np("lm", tmp_path / "t.txt", "--perplexity", model, "--json")
    found = json.loads(stdout)
    assert (found["sentences"], found["words"], found["unknown"]) == (51, 890, 80)
    assert found["perplexity"] == pytest.approx(KENLM[0], rel=1e-6)
    assert found["known"] == pytest.approx(KENLM[1], rel=1e-6)
    _, stdout, _ = ds2np("lm", tmp_path / "t.txt", "--perplexity", model)
    assert "890 words, of which the model does not know 80 (8.99 %)" in stdout
    assert f"perplexity {KENLM[0]:.2f}, without those it does not know {KENLM[1]:.2f}" in stdout


def test_perplexity_by_hand():
    model = NGram.train(["a b", "b"], 2, log=None)
    first, second = model.score(["a", "x"]), model.score([])
    found = perplexity(model, ["a x", ""])
    both = [*first, *second]
    assert found.perplexity == pytest.approx(10 ** (-sum(both) / 4))
    assert found.known == pytest.approx(10 ** (-(sum(both) - first[1]) / 3))
    assert (found.sentences, found.words, found.unknown) == (2, 2, 1)


BAD_TEXTS = {
    "empty": (b"", "there is no word to count"),
    "blank": (b"\n \n", "there is no word to count"),
    "not UTF-8": (b"a\nb \xff\n", "in.txt, line 2 is not UTF-8 text"),
    "binary": (b"a\nb\nc\0\n", "in.txt, line 3 holds a NUL"),
    "special": (b"a\n\nb <s>\n", "in.txt, line 3: the text has the word <s>"),
    "short": (b"a b\nc\n", "order 5 is more than the longest sentence has: 4"),
    "compressed": (gzip.compress(b"a b c d\n" * 100)[:-9], "in.txt is damaged behind line"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_bad_text_ends_in_one_sentence(ds2np, tmp_path, name):
    content, message = BAD_TEXTS[name]
    (tmp_path / "in.txt").write_bytes(content)
    code, stdout, err = ds2np("lm", tmp_path / "in.txt", "--order", 5, "--out", tmp_path / "o.lm")
    assert (code, stdout) == (2, "")
    assert message in err
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "o.lm").exists()


def test_the_place_of_a_special_word_in_later_files(ds2np, tmp_path):
    (tmp_path / "a.txt").write_text("a\nb\n")
    (tmp_path / "b.jsonl").write_text(
        '{"audio_filepath": "a", "duration": 1, "text": "x y"}\n\n'
        '{"audio_filepath": "b", "duration": 1, "text": "x </s>"}\n'
    )
    (tmp_path / "c.txt").write_text("a\nb <unk>\n")
    out = ("--out", tmp_path / "o.lm")
    err = ds2np("lm", tmp_path / "a.txt", tmp_path / "b.jsonl", *out)[2]
    assert f"{tmp_path / 'b.jsonl'}:3: the text has the word </s>" in err
    err = ds2np("lm", tmp_path / "a.txt", tmp_path / "c.txt", *out)[2]
    assert f"{tmp_path / 'c.txt'}, line 2: the text has the word <unk>" in err
    (tmp_path / "d.txt").write_text("<s>\n")
    err = ds2np("lm", tmp_path / "a.txt", tmp_path / "d.txt", *out)[2]
    assert f"{tmp_path / 'd.txt'}, line 1: the text has the word <s>" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("nothing.txt", "--out", "o"), "nothing.txt does not exist; expected text"),
        (("EMPTY", "--out", "o"), "is a folder without text"),
        (("TEXT", "--out", "TEXT"), "is one of the texts, which would be lost"),
        (("TEXT", "--out", "EMPTY"), "is a folder; expected the name of a file"),
        (("TEXT",), "one of the arguments --out --perplexity is required"),
        (("TEXT", "--out", "o", "--perplexity", "p"), "not allowed with"),
        (("TEXT", "--out", "o", "--order", "0"), "0 is not a whole number of at least 1"),
        (("TEXT", "--out", "o", "--prune", "0", "-1"), "expected at least one|unrecognized|-1"),
        (("TEXT", "--out", "o", "--prune", "0", "2", "1"), "prune 0 2 1: a threshold is lower"),
        (("TEXT", "--out", "o", "--space", "_"), "--space needs --characters"),
        (("TEXT", "--perplexity", "TEXT"), r"has no \\data\\ in its"),
        (("TEXT", "--perplexity", "none"), "none cannot be read"),
        (("TEXT", "--perplexity", "none", "--order", "3"), "--order is for training"),
    ],
)
def test_options_that_cannot_be(ds2np, tmp_path, text, options, message):
    (tmp_path / "empty").mkdir()
    places = {"TEXT": text, "EMPTY": tmp_path / "empty", "o": tmp_path / "o"}
    code, _, err = ds2np("lm", *(places.get(option, option) for option in options))
    assert code == 2
    assert re.search(message, err)
    assert text.read_bytes() == TEXT.read_bytes()
    assert not (tmp_path / "o").exists()
