"""Scores against the definition of back-off in plain Python, and against KenLM's."""

import json

import numpy as np
import pytest
from helpers.language_models import ORACLE, ngrams_of, score_plainly, text_of

from ds2np.lm import NGram


@pytest.fixture(scope="module")
def model():
    return NGram.train(text_of(), 5, log=None)


def sentences(model, rng, n=50):
    """Draw sentences of known and unknown words, some of them as in the text."""
    lines = [line.split() for line in text_of()]
    words = [*model.words[3:], "never-seen"]
    drawn = [list(rng.choice(words, rng.integers(0, 12))) for _ in range(n)]
    return [
        [],
        *lines,
        *drawn,
        *(line[:4] + more for line, more in zip(lines, drawn, strict=False)),
    ]


@pytest.mark.parametrize("prune", [(), (0, 1), (0, 0, 0, 1)])
def test_scores_follow_the_definition(prune, rng):
    model = NGram.train(text_of(), 5, prune, log=None)
    ngrams = ngrams_of(model)
    for words in sentences(model, rng):
        np.testing.assert_allclose(model.score(words), score_plainly(ngrams, words), atol=3e-6)


def test_scores_are_those_of_kenlm(model):
    expected = json.loads((ORACLE / "scores.json").read_text())
    for line, logp in expected.items():
        np.testing.assert_allclose(model.score(line.split()), logp, atol=3e-6)
        assert abs(model.score(line.split()).sum() - sum(logp)) <= 1e-5


def test_many_sentences_are_scored_as_one_by_one(model, rng, monkeypatch):
    many = sentences(model, rng)
    monkeypatch.setattr("ds2np.lm.ngram.TOGETHER", 7)
    for words, logp in zip(many, model.score_all(many), strict=True):
        assert logp.shape == (len(words) + 1,)
        np.testing.assert_array_equal(logp, model.score(words))
    assert model.score_all([]) == []


def test_pairs_have_states_of_their_own(model, rng):
    states = rng.choice(np.unique(model.tables.state), 300)
    words = rng.integers(0, len(model.words), 300)
    logp, after = model.score_pairs(states, words)
    assert logp.dtype == np.float32
    for i in range(300):
        one, state = model.score_pairs(states[i : i + 1], words[i : i + 1])
        assert (one[0], state[0]) == (logp[i], after[i])
    none = model.score_pairs(np.array([], int), np.array([], int))
    assert [len(array) for array in none] == [0, 0]


def test_equal_states_have_equal_futures_and_they_are_few(model):
    """A state that no later word can tell from its suffix is that suffix."""
    ngrams = ngrams_of(model)
    contexts = {gram[:-1] for gram in ngrams}
    names = [(), *ngrams]
    for number in np.unique(model.tables.state):
        gram = names[number]
        assert gram in contexts or ngrams[gram][1] != 0


def test_without_a_context(model):
    logp, _ = model.score_pairs(np.array([0]), np.array([model.numbers["light"]]))
    assert logp[0] == np.float32(ngrams_of(model)[("light",)][0])


def test_what_a_model_tells(model):
    assert model.words[:3] == ["<unk>", "<s>", "</s>"]
    assert model.numbers["</s>"] == 2
    assert model.order == 5
    assert sum(model.counts()) == len(model) == len(ngrams_of(model))
    assert (model.units, model.space) == ("words", "")


def test_an_ngram_takes_24_bytes(model):
    t = model.tables
    assert sum(getattr(t, name).nbytes for name in t.arrays) <= 28 * len(model)
