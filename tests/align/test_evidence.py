"""Features of alignments, and alignments spoiled on purpose."""

import difflib

import jiwer
import numpy as np
import pytest

from ds2np.align.evidence import NAMES, count_edits, describe_evidence
from ds2np.align.judge import Evidence, collect_evidence, find_space, judge
from ds2np.align.sounds import make_music, make_noises
from ds2np.align.spoiling import KINDS, Utterance, spell, spoil
from ds2np.text import Alphabet, Bigrams

ALPHABET = Alphabet(" abcde")
SPACE = 1


def say(rng, words, sharp=6.0, V=7):
    """Return an `Utterance` in which a network hears some words clearly."""
    labels = [[ALPHABET.encode(c)[0] for c in word] for word in words]
    symbols, starts, ends = [0] * 5, [], []
    for i, word in enumerate(labels):
        symbols += [SPACE, 0] if i else []
        starts.append(len(symbols))
        for label in word:
            symbols += [label, 0, 0]
        ends.append(len(symbols) - 2)
        symbols += [0] * int(rng.integers(2, 6))
    logits = rng.standard_normal((len(symbols), V))
    logits[np.arange(len(symbols)), symbols] += sharp
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return Utterance(log_probs, tuple(map(np.array, labels)), np.array(starts), np.array(ends))


def draw_words(rng, count=None):
    count = count or int(rng.integers(3, 7))
    return ["".join(rng.choice(list("abcde"), int(rng.integers(1, 5)))) for _ in range(count)]


def evidence_of(each, words=None):
    words = each.words if words is None else words
    return dict(
        zip(NAMES, describe_evidence(each.log_probs, spell(words, SPACE), 0.02), strict=True)
    )


def test_a_right_text_costs_nothing_and_a_wrong_one_shows():
    rng = np.random.default_rng(0)
    each = say(rng, ["abc", "de", "cab"])
    right = evidence_of(each)
    assert right["cost of a frame"] < 0.05
    assert right["edits of a letter"] == 0
    assert right["letters heard in pauses of the text"] == 0
    assert right["least probable letter"] > 0.5
    assert right["longest gap between letters"] == 0
    shorter = evidence_of(each, each.words[1:])
    assert shorter["letters heard before the text, and after it"] >= 3
    assert shorter["letters heard in pauses of the text"] > 0
    without = evidence_of(each, [each.words[0], each.words[2]])
    assert without["longest gap between letters"] >= 2
    assert without["edits of a letter"] == pytest.approx(3 / 7)  # "de " is missing
    other = evidence_of(each, [np.array([6, 6])] * 3)
    assert other["cost of the worst half second"] > right["cost of the worst half second"] + 0.5
    assert other["least probable letter"] < 0.1


@pytest.mark.parametrize("seed", range(50))
def test_edits_are_those_of_jiwer(seed):
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(1, 4, int(rng.integers(1, 12))) for _ in range(2))
    out = jiwer.process_words(" ".join(map(str, b)), " ".join(map(str, a)))
    assert count_edits(a, b) == out.substitutions + out.insertions + out.deletions
    assert count_edits(a[:0], b) == len(b)


@pytest.mark.parametrize("T", [0, 1, 2, 40])
@pytest.mark.parametrize("L", [0, 1, 2, 30])
def test_any_size_gives_numbers_or_nothing(T, L):
    rng = np.random.default_rng(T + L)
    logits = rng.standard_normal((T, 5))
    labels = np.resize([1, 2, 3], L)
    got = describe_evidence(logits - np.log(np.exp(logits).sum(1, keepdims=True)), labels, 0.02)
    assert (got is None) == (not L or L > T)
    assert got is None or np.isfinite(got).all()


@pytest.fixture
def utterances():
    rng = np.random.default_rng(0)
    return [say(rng, draw_words(rng)) for _ in range(60)]


@pytest.fixture
def sounds():
    rng = np.random.default_rng(1)
    quiet = np.log(np.full((80, 7), 0.01)) + np.where(np.arange(7) == 0, np.log(94), 0)
    babble = np.log(rng.dirichlet(np.full(7, 0.3), 80) + 1e-6)
    return {"noise": [quiet, babble], "music": [babble]}


def read(labels):
    return ALPHABET.decode(labels)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_spoils_as_it_says(kind, utterances, sounds):
    rng = np.random.default_rng(0)
    for i, each in enumerate(utterances[:-1]):
        got = spoil(rng, kind, utterances, i, sounds, SPACE)
        if got is None:
            continue
        log_probs, labels = got
        text, said = read(labels), read(spell(each.words, SPACE))
        later = read(spell(utterances[i + 1].words, SPACE))
        if kind == "missing":
            assert len(log_probs) == len(each.log_probs) + len(utterances[i + 1].log_probs)
            assert text in (said, later)
        elif kind == "doubled":
            assert text == f"{said} {said}"
        elif kind == "other":
            assert text in [
                read(spell(u.words, SPACE)) for u in utterances[:i] + utterances[i + 1 :]
            ]
        elif kind == "shifted":
            k = (
                len(text.split())
                - difflib.SequenceMatcher(None, said.split(), text.split(), autojunk=False)
                .find_longest_match()
                .size
            )
            assert text.split()[:-k] == said.split()[k:]
            assert text.split()[-k:] == later.split()[:k]
        elif kind == "cut off":
            assert len(log_probs) < len(each.log_probs)
            assert text == said
        else:
            changed = (log_probs != each.log_probs).any(axis=1).mean()
            assert 1 / 3 <= changed <= 1
            assert text == said


def test_what_cannot_be_spoiled(utterances, sounds):
    rng, last = np.random.default_rng(0), len(utterances) - 1
    for kind in ("missing", "shifted"):
        assert spoil(rng, kind, utterances, last, sounds, SPACE) is None
    one = [say(rng, ["a"])]
    for kind in ("missing", "other", "shifted", "cut off"):
        assert spoil(rng, kind, one, 0, sounds, SPACE) is None


def test_the_judge_finds_the_wrong_ones(utterances, sounds):
    rng = np.random.default_rng(0)
    bad = {7, 21, 40}
    for i in bad:
        utterances[i] = Utterance(
            utterances[i].log_probs,
            say(rng, draw_words(rng, len(utterances[i].words))).words,
            utterances[i].starts,
            utterances[i].ends,
        )
    evidence = collect_evidence(utterances, sounds, ALPHABET, 0.02, rng)
    verdict = judge([evidence], cost=5.0)
    found = {i for i, p in enumerate(verdict.wrong) if p > verdict.threshold}
    assert found >= bad
    assert len(found) <= len(bad) + 2
    cheap = judge([evidence], cost=1e-6)
    assert not [p for p in cheap.wrong if p > cheap.threshold]


def test_few_utterances_are_not_judged(utterances, sounds):
    rng = np.random.default_rng(0)
    evidence = collect_evidence(utterances[:5], sounds, ALPHABET, 0.02, rng)
    assert judge([evidence], 5.0).threshold is None
    assert judge([evidence], 5.0).wrong == [None] * 5
    nothing = collect_evidence([], sounds, ALPHABET, 0.02, rng)
    assert judge([nothing], 5.0).wrong == []
    assert isinstance(nothing, Evidence)


def test_a_text_that_does_not_fit_is_wrong(utterances, sounds):
    rng = np.random.default_rng(0)
    each = utterances[3]
    utterances[3] = Utterance(each.log_probs[:3], each.words, each.starts, each.ends)
    verdict = judge([collect_evidence(utterances, sounds, ALPHABET, 0.02, rng)], 5.0)
    assert verdict.wrong[3] == 1.0


def test_the_label_between_words():
    assert find_space(ALPHABET) == SPACE
    assert find_space(Bigrams(("a", " ", "ab", "b"))) == 2
    assert find_space(Alphabet("你好吗")) is None
    assert spell([[2], [3, 4]], None).tolist() == [2, 3, 4]
    assert spell([], SPACE).tolist() == []


@pytest.mark.parametrize("make", [make_noises, make_music])
def test_sounds(make):
    got = make(np.random.default_rng(0), 8000)
    assert {len(sound) for sound in got} == {48_000}
    assert all(sound.std() == pytest.approx(0.1, rel=1e-3) for sound in got)
    assert all(np.isfinite(sound).all() for sound in got)
