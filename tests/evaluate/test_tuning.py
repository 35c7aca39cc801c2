"""The error rate over a grid of weights equals that of ranking each pair of weights by hand."""

import numpy as np
import pytest

from ds2np.decode import BeamDecoder
from ds2np.evaluate.tuning import (
    Candidates,
    choose_weights,
    count_errors,
    describe_edge,
    search,
    tune,
)
from ds2np.layers import log_softmax
from ds2np.lm import NGram
from ds2np.model import DeepSpeech2Config
from ds2np.text import Alphabet
from ds2np.text.score import align_characters, align_words, count_edits


def draw(rng, K):
    return Candidates(
        acoustic=rng.uniform(-20, 0, K),
        lm=rng.uniform(-30, 0, K),
        words=rng.integers(0, 8, K),
        edits=rng.integers(0, 5, K),
    )


def test_errors_are_those_of_the_best_text_of_each_utterance(rng):
    candidates = [draw(rng, K) for K in (1, 2, 7, 30)]
    alphas, betas = [0.0, 0.3, 1.0, 2.5], [-1.0, 0.0, 4.0]
    errors = count_errors(candidates, alphas, betas)
    for a, alpha in enumerate(alphas):
        for b, beta in enumerate(betas):
            expected = 0
            for each in candidates:
                texts = zip(each.acoustic, each.lm, each.words, each.edits, strict=True)
                best = max(texts, key=lambda t: t[0] + alpha * t[1] + beta * t[2])
                expected += best[3]
            assert errors[a, b] == expected


def test_the_weights_decide(rng):
    """The network prefers the first text, the language model the second, beta the longer third."""
    three = Candidates(
        acoustic=np.array([-1.0, -3.0, -4.0]),
        lm=np.array([-20.0, -5.0, -30.0]),
        words=np.array([2, 2, 9]),
        edits=np.array([1, 0, 7]),
    )
    errors = count_errors([three], [0, 1], [0, 5])
    assert errors.tolist() == [[1, 7], [0, 7]]
    assert choose_weights(errors, [0, 1], [0, 5]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("errors", "chosen"),
    [
        ([[3, 3, 3], [3, 1, 3]], (1, 20)),
        ([[2, 2, 2], [5, 5, 5]], (0, 20)),  # the middle of a row
        ([[1, 9, 1], [9, 9, 9]], (0, 10)),  # two ends: one of them, not what lies between
        ([[4, 4, 4], [4, 4, 4]], (0, 20)),
    ],
)
def test_of_equal_pairs_it_takes_the_middle(errors, chosen):
    assert choose_weights(np.array(errors), [0, 1], [10, 20, 30]) == chosen


@pytest.mark.parametrize(
    ("alpha", "beta", "text"),
    [
        (1, 1, ""),
        (2, 1, "a larger alpha than 2"),
        (0, 1, ""),  # no language model at all: nothing is below
        (1, 0, "a smaller beta than 0"),
        (2, 2, "a larger alpha than 2 and a larger beta than 2"),
    ],
)
def test_the_edge_of_the_grid_is_told(alpha, beta, text):
    assert describe_edge(alpha, beta, [0, 1, 2], [0, 1, 2]) == text
    assert describe_edge(alpha, beta, [alpha], [beta]) == ""


def test_tuning_finds_what_a_search_for_each_pair_finds(rng):
    """The language model knows what is said; the network hesitates."""
    alphabet = DeepSpeech2Config(sample_rate=1000, mels=4, characters=" abc").alphabet()
    sentences = ["ab ca", "ca ab", "ab ab", "bac ab", "ca bac"] * 3
    lm = NGram.train(sentences, order=2, log=None)
    refs = [sentences[i] for i in rng.integers(0, 5, 8)]
    lengths = np.array([3 * len(ref) for ref in refs])
    logits = 1.2 * rng.standard_normal((len(refs), lengths.max(), len(alphabet)))
    for row, ref in zip(logits, refs, strict=True):
        for i, symbol in enumerate(alphabet.encode(ref)):
            row[3 * i, symbol] += 2.5
            row[3 * i + 2, 0] += 3.0
    log_probs = log_softmax(logits)
    alphas, betas = [0.0, 0.8, 1.6], [-1.0, 1.0, 3.0]

    def make(alpha, beta, n_best):
        return BeamDecoder(alphabet, lm, 200, alpha, beta, n_best, threshold=40.0)

    tuned = tune(log_probs, lengths, refs, make, alphas, betas)
    rows = [row[:length] for row, length in zip(log_probs, lengths, strict=True)]
    assert str(tune(rows, lengths, refs, make, alphas, betas)) == str(tuned)
    errors = np.zeros((3, 3), int)
    for a, alpha in enumerate(alphas):
        for b, beta in enumerate(betas):
            texts = [one[0].text for one in make(alpha, beta, 1).decode(log_probs, lengths)]
            pairs = align_words(refs, texts)
            errors[a, b] = sum(count_edits([pair]).total for pair in pairs)
    assert errors.min() < errors[0].min()  # the language model helps
    assert tuned.spaces
    assert tuned.found == errors[alphas.index(tuned.alpha), betas.index(tuned.beta)]
    assert tuned.found == errors.min()
    np.testing.assert_array_equal(tuned.errors[1:], errors[1:])
    assert (tuned.errors[0] <= errors[0]).all()  # without the model, the search finds worse texts


@pytest.mark.parametrize("together", [1, 100, 1 << 27])
def test_a_search_in_parts_finds_what_a_search_of_all_finds(rng, monkeypatch, together):
    monkeypatch.setattr("ds2np.evaluate.tuning.TOGETHER", together)
    alphabet = Alphabet(" abc")
    lengths = np.array([5, 0, 9, 2, 9, 4])
    log_probs = log_softmax(rng.standard_normal((len(lengths), 9, len(alphabet))))
    decoder = BeamDecoder(alphabet, n_best=3)
    whole = decoder.decode(log_probs, lengths)
    assert search(decoder.decode, log_probs, lengths) == whole
    rows = [row[:length] for row, length in zip(log_probs, lengths, strict=True)]
    assert search(decoder.decode, rows, lengths) == whole
    assert search(decoder.decode, [], []) == []


@pytest.mark.parametrize(("symbols", "spaces"), [(" abc", True), ("我用写 a", False)])
def test_errors_are_characters_in_mandarin_even_with_spaces(rng, symbols, spaces):
    alphabet = Alphabet(symbols)
    refs = ["".join(symbols[i] for i in rng.integers(0, 3, 4)).strip() for _ in range(3)]
    log_probs = log_softmax(rng.standard_normal((3, 8, len(alphabet))))
    lm = NGram.train(refs, 2, units="characters", log=None)

    def make(alpha, beta, n_best):
        return BeamDecoder(alphabet, lm, 20, alpha, beta, n_best)

    tuned = tune(log_probs, np.full(3, 8), refs, make, [0.5], [1.0])
    found = [listed[0].text for listed in make(0.5, 1.0, 1).decode(log_probs, np.full(3, 8))]
    align = align_words if spaces else align_characters
    assert tuned.found == count_edits(align(refs, found)).total
    assert tuned.spaces == spaces
