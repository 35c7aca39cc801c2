"""Beam search with symbols of two letters: against the sum over all paths of every text."""

import itertools
import math
from collections import defaultdict

import numpy as np
import pytest

from ds2np.decode import BeamDecoder
from ds2np.lm import NGram
from ds2np.text import Bigrams

ALPHABET = Bigrams((" ", "a", "b", "ab", "ba"))
LINES = ["ab", "ab ba", "aba b", "b ab"]
MODELS = {
    "no LM": None,
    "words": NGram.train(LINES, 2, log=None),
    "characters": NGram.train(LINES, 3, units="characters", log=None),
}


def list_texts(log_probs):
    """Sum the probability of all paths of each text whose symbols are those of `encode`."""
    p = np.exp(log_probs)
    found = defaultdict(float)
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        symbols = [s for s, _ in itertools.groupby(path) if s]
        words = " ".join(ALPHABET.decode(symbols).split())
        spaced = [s for i, s in enumerate(symbols) if s != 1 or symbols[i - 1 : i] not in ([], [1])]
        while spaced[-1:] == [1]:
            spaced.pop()
        if ALPHABET.encode(words).tolist() == spaced:
            found[words] += math.prod(p[t, s] for t, s in enumerate(path))
    return found


def language(lm, text):
    """Score a text by the language model, word by word or letter by letter."""
    if lm is None:
        return 0.0
    units = text.split() if lm.units == "words" else lm.cut(text)
    unknown = sum(unit not in lm.numbers for unit in units) * (lm.units == "words")
    logp = lm.score(units).sum() - 10.0 * unknown
    return 0.7 * math.log(10) * logp + 1.2 * len(units)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("seed", range(4))
def test_an_infinite_beam_is_exhaustive(name, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 2, (5, len(ALPHABET)))
    x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
    lm = MODELS[name]
    scores = {text: math.log(p) + language(lm, text) for text, p in list_texts(x).items()}
    decoder = BeamDecoder(
        ALPHABET,
        lm,
        beam=10**5,
        alpha=0.7,
        beta=1.2,
        n_best=5,
        cumulative=1,
        certain=1,
        threshold=math.inf,
    )
    (found,) = decoder.decode(x[None], [len(x)])
    texts = [each.text for each in found]
    assert len(set(texts)) == 5
    expected = sorted(scores, key=scores.get, reverse=True)
    assert texts[0] == expected[0]
    for each in found:
        assert each.score == pytest.approx(scores[each.text], abs=1e-9)
        assert "".join(word.text for word in each.words) == each.text.replace(" ", "")
