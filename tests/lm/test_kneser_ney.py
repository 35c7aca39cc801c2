"""Counting and Kneser-Ney: every number as lmplz has it, and what must hold for any model."""

import gzip
import itertools
from collections import Counter, defaultdict

import numpy as np
import pytest
from helpers.language_models import ORACLE, ngrams_of, read_plainly, text_of

from ds2np.errors import UserError
from ds2np.lm import NGram
from ds2np.lm.counts import adjust, count, read_text
from ds2np.lm.kneser_ney import discounts

CASES = {
    "order2": (2, ()),
    "order3": (3, ()),
    "order4": (4, ()),
    "order5": (5, ()),
    "order3_prune001": (3, (0, 0, 1)),
    "order4_prune0112": (4, (0, 1, 1, 2)),
    "order3_short": (3, ()),
}


@pytest.mark.parametrize("name", CASES)
def test_every_number_is_that_of_lmplz(name):
    order, prune = CASES[name]
    ours = ngrams_of(NGram.train(text_of(name), order, prune, log=None))
    expected = read_plainly(gzip.decompress((ORACLE / f"{name}.arpa.gz").read_bytes()).decode())
    assert ours.keys() == expected.keys()
    difference = np.array([np.subtract(ours[words], expected[words]) for words in expected])
    assert np.abs(difference).max() <= 2e-6


def test_too_little_text_for_discounts_is_told():
    told = []
    NGram.train(text_of("order3_short"), 3, log=told.append)
    assert [line.partition(":")[0] for line in told] == ["order 2", "order 3"]
    assert "0.5, 1, 1.5" in told[0]
    told.clear()
    NGram.train(text_of("order2"), 2, log=told.append)
    assert told == []


def test_discounts_by_hand():
    adjusted = np.repeat([1, 2, 3, 4, 9], [8, 4, 2, 1, 1])
    D, reason = discounts(adjusted)
    Y = 8 / (8 + 2 * 4)
    expected = [0, 1 - 2 * Y * 4 / 8, 2 - 3 * Y * 2 / 4, 3 - 4 * Y * 1 / 2]
    np.testing.assert_allclose(D, expected, rtol=1e-12)
    assert reason == ""
    D, reason = discounts(np.repeat([1, 2, 3, 4], [1, 1, 9, 1]))  # D(2) would be below 0
    assert D.tolist() == [0, 0.5, 1, 1.5]
    assert "count 2 would be -7.00" in reason


@pytest.mark.parametrize("prune", [(), (0, 1), (0, 0, 2)])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_probabilities_sum_to_one_after_every_context(order, prune):
    model = NGram.train(text_of("order3"), order, prune[:order], log=None)
    words = np.delete(np.arange(len(model.words)), 1)  # <s> is never predicted
    contexts = np.unique(model.tables.state)
    for state in contexts:
        logp, _ = model.score_pairs(np.full(len(words), state), words)
        assert abs(np.sum(10.0 ** logp.astype(float)) - 1) < 1e-5


def test_counts_are_those_of_plain_python():
    lines = text_of("order4")
    words, text = read_text(lines, "words", "")
    orders = count(text, len(words), 4)
    adjust(orders)
    raw, before = [Counter() for _ in range(5)], [defaultdict(set) for _ in range(5)]
    for line in lines:
        tokens = ["<s>", *line.split(), "</s>"]
        for n, at in itertools.product(range(1, 5), range(len(tokens))):
            if at + n <= len(tokens):
                gram = tuple(tokens[at : at + n])
                raw[n][gram] += 1
                if at:
                    before[n][gram].add(tokens[at - 1])
    grams = [()]
    for n, order in enumerate(orders, start=1):
        if n == 1:
            grams = [(word,) for word in words]
        else:
            pairs = zip(order.context, order.word, strict=True)
            suffixes = [grams[s] for s in order.suffix]
            grams = [(*grams[h], words[w]) for h, w in pairs]
            assert [gram[1:] for gram in grams] == suffixes
            assert len(set(grams)) == len(raw[n])
        for gram, c, a in zip(grams, order.raw, order.adjusted, strict=True):
            assert c == raw[n][gram]
            if gram in (("<s>",), ("<unk>",)):
                assert a == 0
            elif n == 4 or gram[0] == "<s>":
                assert a == c
            else:
                assert a == len(before[n][gram])


def test_characters_are_counted_as_words_with_spaces_named():
    lines = ["ab  a", " b\tcafe\u0301 ", "a"]
    ours = NGram.train(lines, 3, units="characters", space="_", log=None)
    spelled = ["a b _ a", "b _ c a f \u00e9", "a"]
    assert ngrams_of(ours) == ngrams_of(NGram.train(spelled, 3, log=None))
    assert (ours.units, ours.space) == ("characters", "_")
    assert ours.cut("a b_") == ["a", "_", "b", "<unk>"]


def test_an_empty_line_is_an_empty_sentence():
    model = NGram.train(["a", "", ""], 2, log=None)
    assert model.score([])[0] > model.score(["a"])[0]


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        ([], {}, "no word"),
        (["", "  "], {}, "no word"),
        (["a b", "c <s> d"], {}, "line 2: the text has the word <s>"),
        (["a b", "</s>"], {}, "line 2: the text has the word </s>"),
        (["<unk>"], {}, "line 1: the text has the word <unk>"),
        (["a b", "c"], {"order": 5}, "order 5 is more than the longest sentence has: 4"),
        (["a b"], {"order": 2, "prune": (0, 0, 1)}, "3 thresholds, but the order is only 2"),
        (["a b"], {"prune": (1,)}, "prune 1: the first is for single words"),
        (["a b"], {"prune": (0, 2, 1)}, "prune 0 2 1: a threshold is lower"),
        (["a b"], {"units": "letters"}, "'letters'; expected words or characters"),
        (
            ["a", "a_b"],
            {"units": "characters", "space": "_"},
            "line 2: the text has the character '_'",
        ),
        (["a b"], {"units": "characters", "space": " "}, "the name of the space is ' '"),
    ],
)
def test_text_and_options_that_cannot_be(lines, options, message):
    with pytest.raises(UserError, match=".*".join(message.split("'"))):
        NGram.train(lines, log=None, **options)


@pytest.mark.parametrize("text", ["a", "a a a a", "a\na\na"])
def test_one_word_only(text):
    model = NGram.train(text.split("\n"), 2, log=None)
    assert model.words == ["<unk>", "<s>", "</s>", "a"]
    assert np.isfinite(model.score(["a", "b"])).all()
