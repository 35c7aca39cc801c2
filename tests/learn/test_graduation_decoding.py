"""Answers of chapter 09 in the graduation: the same texts as the package's own functions find."""

import re
import runpy
import time

import numpy as np
import pytest
from helpers.graduation import OF_DECODING, TRAINING, group

from ds2np.decode import BeamDecoder
from ds2np.evaluate.tuning import Candidates, count_errors
from ds2np.layers import log_softmax
from ds2np.learn.book import CHAPTERS, FOLDER
from ds2np.learn.graduation import compare, decoding, replace, trial
from ds2np.learn.graduation.adapters import find_adapter
from ds2np.learn.graduation.replace import Replacement, replaced
from ds2np.learn.toy import CONFIG, DIGITS
from ds2np.lm import NGram, kneser_ney
from ds2np.text import Alphabet, Bigrams
from ds2np.train.history import read_history

pytestmark = pytest.mark.usefixtures("restored")
EXERCISES = {e.function: e for c in CHAPTERS for e in c.exercises}
SOLVED = runpy.run_path(str(FOLDER / "solutions" / "09_decoding.py"))
ALL = sorted(decoding.FUNCTIONS)
ALPHABET = CONFIG.alphabet()


def adapt(name, answer=None):
    """Return the replacement of the package's function by an answer, as it is."""
    return find_adapter(EXERCISES[name], answer or SOLVED[name])[1]


@pytest.fixture
def spoken(rng):
    """Return sentences to read, and outputs for some to find the weights and some to decode."""
    texts = [" ".join(rng.choice(DIGITS, n)) for n in rng.integers(1, 4, 60)]
    outputs = decoding.imitate_outputs(texts[:6], ALPHABET)
    log_probs = log_softmax(0.7 * outputs.log_probs)  # less certain
    lengths, said = outputs.lengths, outputs.texts
    halves = slice(2), slice(2, 6)
    return texts, *(decoding.Outputs(log_probs[h], lengths[h], said[h]) for h in halves)


@pytest.mark.parametrize("names", [*([name] for name in ALL), ALL])
def test_solutions_find_the_same_texts(spoken, names):
    texts, tuning, test = spoken
    expected = decoding.decode(texts, ALPHABET, tuning, test)
    assert expected.texts == test.texts
    greedy = BeamDecoder(ALPHABET, None, 1).decode(test.log_probs, test.lengths)
    assert [listed[0].text for listed in greedy] != test.texts
    replacements = [Replacement(EXERCISES[name], SOLVED[name], "") for name in names]
    for replacement in replacements:
        replacement.reset(strict=len(names) == 1)
    with replaced(replacements):
        got = decoding.decode(texts, ALPHABET, tuning, test)
    assert all(s.calls and not s.failure for s in replacements)
    assert got.texts == expected.texts
    if "best_weights" not in names:
        assert got == expected


@pytest.mark.parametrize("alphabet", [Alphabet(" ab"), Bigrams((*" ab", "ab"))])
def test_a_search_by_steps_finds_what_the_package_finds(rng, alphabet):
    """Noise, so that texts have spaces everywhere; the beam is wide, so that nothing is lost."""
    lm = NGram.train(["a ab", "b a", "ab b ba", "a"], 2, log=None)
    decoder = BeamDecoder(
        alphabet, lm, 2000, 0.6, 0.8, 3, threshold=50.0, cumulative=1.0, certain=1.0
    )
    log_probs = log_softmax(rng.standard_normal((6, 6, len(alphabet))))
    lengths = np.array([6, 5, 1, 6, 4, 0])
    found = adapt("prefix_step")(decoder, log_probs, lengths)
    package = decoder.search(log_probs, lengths)
    by_steps, usual = (decoder.rescore(each, log_probs, lengths) for each in (found, package))
    assert by_steps == usual
    for listed, timed in zip(found, by_steps, strict=True):
        symbols, score = listed[0]
        if alphabet.is_unique:  # else scores are of all spellings until they are computed again
            assert alphabet.decode(symbols) == timed[0].text
            np.testing.assert_allclose(score, timed[0].score, rtol=1e-6)
    texts = [alphabet.decode(symbols) for listed in found for symbols, _ in listed]
    assert any(" " in text for text in texts)
    assert all(text == " ".join(text.split()) for text in texts)


def test_without_a_model_of_words_the_package_searches(rng):
    called = []
    search = adapt("prefix_step", lambda *arguments: called.append(arguments))
    log_probs = log_softmax(rng.standard_normal((2, 5, len(ALPHABET))))
    lengths = np.array([5, 4])
    characters = NGram.train(DIGITS, 2, units="characters", log=None)
    for lm in (None, characters):
        decoder = BeamDecoder(ALPHABET, lm, 5)
        assert search(decoder, log_probs, lengths) == decoder.search(log_probs, lengths)
    assert not called


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_sentences_are_scored_word_by_word(order, rng):
    lines = [" ".join(rng.choice(DIGITS, n)) for n in rng.integers(4, 9, 30)]
    lm = NGram.train(lines, order, log=None)
    sentences = [*(line.split() for line in lines[:3]), [], ["one", "ten", "one"], ["ten"] * 6]
    asked = []

    def answer(word, history, *lists):
        asked.append((word, history))
        return SOLVED["backoff_logp"](word, history, *lists)

    score_all = adapt("backoff_logp", answer)
    for got, expected in zip(score_all(lm, sentences), lm.score_all(sentences), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert {len(history) for _, history in asked} == set(range(min(order - 1, 1), order))
    assert "ten" not in {word for last, history in asked for word in (last, *history)}
    assert len(asked) == len(set(asked))
    other = NGram.train(lines[:9], order, log=None)  # nothing is left over from the first
    np.testing.assert_allclose(score_all(other, [["one"]])[0], other.score(["one"]), rtol=1e-5)


def test_discounts_with_the_reason_why_there_are_none(rng):
    for counts in (rng.geometric(0.5, 400), np.array([2, 2, 3])):
        got, expected = adapt("discounts")(counts), kneser_ney.discounts(counts)
        np.testing.assert_allclose(got[0], expected[0])
        assert got[1] == expected[1]


def test_the_reader_gets_whole_arrays_without_nan(rng):
    """Utterances have different numbers of candidates; one text is impossible."""
    lists = [
        Candidates(-rng.uniform(0, 9, K), -rng.uniform(0, 9, K), np.ones(K), np.arange(K))
        for K in (3, 1, 5)
    ]
    lists[0].acoustic[1] = -np.inf
    given = []

    def answer(*arguments):
        given.extend(arguments)
        return SOLVED["best_weights"](*arguments)

    errors, pair = adapt("best_weights", answer)(lists, (0.0, 1.0), np.array([-1.0, 0.0, 2.0]))
    assert [a.shape for a in given[:4]] == [(3, 5)] * 4
    assert [a.dtype.kind for a in given[:4]] == ["f", "f", "i", "i"]
    assert given[4:] == [[0.0, 1.0], [-1.0, 0.0, 2.0]]
    assert not any(np.isnan(a).any() for a in given[:4])
    assert (given[0] == -np.inf).sum(axis=1).tolist() == [3, 4, 0]
    np.testing.assert_array_equal(errors, count_errors(lists, given[4], given[5]))
    a, b = np.argwhere(errors == errors.min())[0]
    assert pair == (given[4][a], given[5][b])


def test_a_reader_of_chapter_09_alone(graduate, tmp_path):
    code, out, err = graduate(OF_DECODING)
    assert (code, err.count("error")) == (0, 0)
    assert set(group(out, "used in place of the package's own")) == decoding.FUNCTIONS
    assert re.search(r"\n4 of [23]\d functions were yours to the end, in [1-9]", out)
    assert re.search(r"^    greedy: WER \d+\.\d %, CER .* WER 0\.0 %$", out, re.MULTILINE)
    model = r"with an n-gram model of the transcripts, alpha 0\.\d+, beta \d"
    assert re.search(rf"^    {model}: WER \d+\.\d %, CER .* WER 0\.0 %$", out, re.MULTILINE)
    shown = out.partition("recordings of unseen voices:\n")[2]
    assert shown.count("    with n-gram ") == shown.count("    hypothesis ") == 4
    assert len(read_history(tmp_path / "demo" / "graduation" / "history.csv")) == TRAINING.epochs


def test_without_an_answer_of_chapter_09_there_is_no_second_decoding(graduate, monkeypatch):
    monkeypatch.setattr(decoding, "decode", None)
    code, out, _ = graduate(
        "def conv_out_length(length, kernel, stride, padding):\n"
        "    return np.maximum((length + 2 * padding - kernel) // stride + 1, 0)\n"
    )
    assert code == 0
    assert "n-gram" not in out
    assert "prefix_step" in group(out, "not done")


def test_nan_in_one_prefix_is_found_in_a_call_that_is_not_compared(monkeypatch):
    monkeypatch.setattr(compare, "SECONDS", -1.0)
    monkeypatch.setattr(compare, "SHARE", 0.0)
    shadow = compare.Shadow(EXERCISES["prefix_step"])
    arguments = {(): (1.0, 0.0)}, np.array([0.5, 0.3, 0.2])
    right = SOLVED["prefix_step"](*arguments)
    spent = [shadow.find_problem(arguments, right) or shadow.seconds for _ in range(3)]
    assert spent[0] == spent[1] == spent[2] > 0  # only the first one
    wrong = right | {(2,): (0.0, np.nan)}
    assert shadow.find_problem(arguments, wrong) == "it returned NaN where the package's is finite"


def test_a_decoding_that_fails_without_a_culprit_is_done_without_the_answers(graduate, monkeypatch):
    right, failed = decoding.decode, []

    def decode(*arguments):
        if len(arguments) == 5 and len(failed) < 2:  # not in the trial
            failed.append(arguments)
            raise RuntimeError("out of breath")
        return right(*arguments)

    monkeypatch.setattr(decoding, "decode", decode)
    code, out, err = graduate(OF_DECODING)
    assert (code, err.count("error: faults in ")) == (2, 1)
    assert out.count("the decoding failed (RuntimeError: out of breath)") == 2
    for name in decoding.FUNCTIONS:
        assert f"your {name} was dropped: the decoding failed with it: RuntimeError" in out
    assert "with an n-gram model" in out
    assert out.splitlines()[-1].startswith("the package's code, without yours,")


SLOW = """
import time

def prefix_step(*arguments):
    if len(arguments[1]) == 5:  # as many symbols as the network has; more than the check
        time.sleep(SECONDS)
    return right(*arguments)
""" + OF_DECODING.replace("def prefix_step", "def right")


def test_a_step_that_is_too_slow_is_left_to_the_package(graduate, monkeypatch):
    monkeypatch.setattr(trial, "MINUTES", 0.05)
    code, out, _ = graduate(SLOW.replace("SECONDS", "0.03"))
    assert code == 0
    note = group(out, "not usable here")["prefix_step"]
    assert re.match(r"[\d,]+ times as slow as the package's, 0\.\d hours more in total", note)
    assert "backoff_logp" in group(out, "used in place of the package's own")


def test_a_trial_is_not_waited_for(graduate, monkeypatch):
    monkeypatch.setattr(trial, "PATIENCE", 0.15)
    code, out, _ = graduate(SLOW.replace("SECONDS", "0.05"))
    assert code == 0
    assert group(out, "not usable here")["prefix_step"].startswith("it has taken 0 s in all, in ")


def test_a_step_that_becomes_too_slow_is_dropped_amid_a_search(spoken, monkeypatch):
    monkeypatch.setattr(replace, "MINUTES", 0.2 / 60)
    texts, tuning, test = spoken
    calls = []

    def answer(*arguments):
        calls.append(arguments)
        time.sleep(0.01)
        return SOLVED["prefix_step"](*arguments)

    slow = Replacement(EXERCISES["prefix_step"], answer, "")
    expected = decoding.decode(texts, ALPHABET, tuning, test)
    with replaced([slow]):
        assert decoding.decode(texts, ALPHABET, tuning, test) == expected
    assert slow.failure.startswith("it has taken 0 s in all, in ")
    assert len(calls) <= 20
