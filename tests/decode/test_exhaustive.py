"""Exhaustive search as oracle: every path of tiny problems, read as text and summed by text."""

import itertools
import math

import numpy as np
import pytest

from ds2np.decode import BeamDecoder
from ds2np.lm import NGram
from ds2np.text import Alphabet

SYMBOLS = " ab"
ALPHABET = Alphabet(SYMBOLS)
LINES = ["a b ab", "ab a", "b b a ab", "ba ab a", "a", "aa b"]
ALPHA, BETA, UNKNOWN = 0.7, 0.4, -2.0
EVERYTHING = {
    "beam": 10**6,
    "n_best": 10**6,
    "cumulative": 1,
    "candidates": 10**6,
    "threshold": math.inf,
    "certain": 1,
}
WORDS = NGram.train(LINES, 2, log=None)
CHARACTERS = NGram.train(LINES, 3, units="characters", log=None)


def random_log_probs(rng, N=3, T=6, V=4):
    x = rng.normal(0, 2, (N, T, V))
    return x - np.log(np.exp(x).sum(2, keepdims=True))


def read(path, symbols):
    merged = [c for c, _ in itertools.groupby(path) if c]
    return "".join(symbols[c - 1] for c in merged)


def acoustic(log_probs, symbols=SYMBOLS):
    """Sum the paths of each text: log p(y | x)."""
    sums = {}
    T, V = log_probs.shape
    for path in itertools.product(range(V), repeat=T):
        text = " ".join(read(path, symbols).split())
        p = math.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
        sums[text] = sums.get(text, 0.0) + p
    return {text: math.log(p) for text, p in sums.items()}


def nothing(text):
    return 0.0


def of_words(text):
    words = text.split()
    log10 = sum(WORDS.score(words)) + UNKNOWN * sum(w not in WORDS.numbers for w in words)
    return ALPHA * math.log(10) * log10 + BETA * len(words)


def of_characters(text):
    units = [CHARACTERS.space if c == " " else c for c in text]
    return ALPHA * math.log(10) * sum(CHARACTERS.score(units)) + BETA * len(units)


def count(phrase, words):
    return sum(words[i : i + len(phrase)] == phrase for i in range(len(words)))


PHRASES = {"ab a": 3.0, "a": 1.5, "bb": 20.0, "ab a b": 0.5}


def of_phrases(text):
    words = text.split()
    return sum(
        count(phrase.split(), words) * len(phrase.split()) * math.log(weight)
        for phrase, weight in PHRASES.items()
    )


def of_words_and_phrases(text):
    """The words of phrases do not pay for being unknown."""
    free = sum(w not in WORDS.numbers and w == "bb" for w in text.split())
    return of_words(text) - ALPHA * math.log(10) * UNKNOWN * free + of_phrases(text)


def phrases_of_characters(text):
    units = list(text)
    return of_characters(text) + sum(
        count(list(phrase), units) * len(phrase) * math.log(weight)
        for phrase, weight in PHRASES.items()
    )


CASES = {
    "no LM": (None, {}, nothing),
    "words": (WORDS, {}, of_words),
    "characters": (CHARACTERS, {}, of_characters),
    "phrases": (None, {"phrases": PHRASES}, of_phrases),
    "words, phrases": (WORDS, {"phrases": PHRASES}, of_words_and_phrases),
    "characters, phrases": (CHARACTERS, {"phrases": PHRASES}, phrases_of_characters),
}


def decoder(lm, alphabet=ALPHABET, **options):
    options = EVERYTHING | {"alpha": ALPHA, "beta": BETA, "unknown": UNKNOWN} | options
    return BeamDecoder(alphabet, lm, **options)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_an_infinite_beam_is_exhaustive(case, seed):
    lm, options, value = CASES[case]
    rng = np.random.default_rng(seed)
    log_probs, lengths = random_log_probs(rng), rng.integers(0, 7, 3)
    ours = decoder(lm, **options)
    for n, (found, hypotheses) in enumerate(
        zip(ours.search(log_probs, lengths), ours.decode(log_probs, lengths), strict=True)
    ):
        exact = acoustic(log_probs[n, : lengths[n]])
        total = {text: score + value(text) for text, score in exact.items()}
        beam = {ALPHABET.decode(text): score for text, score in found}
        assert len(beam) == len(found)  # no text twice
        assert beam == pytest.approx(total, abs=1e-9)
        assert {h.text: h.score for h in hypotheses} == pytest.approx(total, abs=1e-9)
        assert {h.text: h.acoustic for h in hypotheses} == pytest.approx(exact, abs=1e-9)
        scores = [h.score for h in hypotheses]
        assert scores == sorted(scores, reverse=True)
        assert all(h.score == h.acoustic + h.lm for h in hypotheses)


@pytest.mark.parametrize("phrases", [{}, {"bb": 2.0}])
def test_a_closed_vocabulary_allows_only_its_words(phrases):
    log_probs = random_log_probs(np.random.default_rng(3))[:1]
    (hypotheses,) = decoder(WORDS, closed_vocabulary=True, phrases=phrases).decode(log_probs, [6])
    exact = acoustic(log_probs[0])
    known = set(WORDS.words[3:]) | set(phrases)
    allowed = {text for text in exact if set(text.split()) <= known}
    assert {h.text for h in hypotheses} == allowed
    assert 1 < len(allowed) < len(exact)


@pytest.mark.parametrize("lm", [None, CHARACTERS])
def test_an_alphabet_without_spaces(lm):
    alphabet = Alphabet("abc")
    lines = ["abc", "aab", "cab", "b"]
    lm = lm and NGram.train(lines, 3, units="characters", log=None)
    log_probs = random_log_probs(np.random.default_rng(4), T=5)
    for n, hypotheses in enumerate(decoder(lm, alphabet).decode(log_probs, [5, 0, 4])):
        exact = acoustic(log_probs[n, : [5, 0, 4][n]], "abc")
        if lm:
            factor = ALPHA * math.log(10)
            for text in exact:
                exact[text] += factor * sum(lm.score(list(text))) + BETA * len(text)
        assert {h.text: h.score for h in hypotheses} == pytest.approx(exact, abs=1e-9)


def test_impossible_symbols_make_impossible_texts():
    with np.errstate(divide="ignore"):
        log_probs = np.log([[[0.5, 0, 0.5, 0], [0, 0.25, 0.75, 0], [0.5, 0, 0, 0.5]]])
    (hypotheses,) = decoder(None).decode(log_probs, [3])
    with np.errstate(divide="ignore"):
        exact = {k: math.exp(v) for k, v in acoustic_of_possible(log_probs[0]).items()}
    assert {h.text: math.exp(h.score) for h in hypotheses} == pytest.approx(exact)


def acoustic_of_possible(log_probs):
    sums = {}
    for path in itertools.product(range(4), repeat=3):
        p = math.exp(sum(log_probs[t, c] for t, c in enumerate(path)))
        if p:
            text = " ".join(read(path, SYMBOLS).split())
            sums[text] = sums.get(text, 0.0) + p
    return {text: math.log(p) for text, p in sums.items()}
