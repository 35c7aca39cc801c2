"""Times of words in Mandarin, in mixed text, and with symbols of two characters."""

import numpy as np
import pytest

from ds2np.decode import BeamDecoder, GreedyDecoder
from ds2np.text import Alphabet, Bigrams

MIXED = Alphabet("我用写py2 ")
PAIRS = Bigrams((*" abc我用", "ab", "ca", "我用", "用a"))


def outputs(alphabet, frames):
    """Return log-probabilities (1, T, V) whose best path is given: a symbol a frame, or ""."""
    number = {symbol: i for i, symbol in enumerate(alphabet.symbols, start=1)} | {"": 0}
    V = len(alphabet)
    p = np.full((1, len(frames), V), 0.1 / (V - 1))
    p[0, range(len(frames)), [number[frame] for frame in frames]] = 0.9
    return np.log(p)


@pytest.mark.parametrize("decoder", [GreedyDecoder, BeamDecoder])
@pytest.mark.parametrize(
    ("alphabet", "frames", "text", "words"),
    [
        (
            MIXED,
            ["", "我", "我", "", "用", "p", "y", "", "2", "写", ""],
            "我用py2写",
            [("我", 1, 3), ("用", 4, 5), ("py2", 5, 9), ("写", 9, 10)],
        ),
        (
            MIXED,
            ["我", " ", "用", "", "用", "p", "", " ", "y"],
            "我 用用p y",
            [("我", 0, 1), ("用", 2, 3), ("用", 4, 5), ("p", 5, 6), ("y", 8, 9)],
        ),
        (
            PAIRS,
            ["", "ab", "ab", "", "c", " ", "ca", "", "b", ""],
            "abc cab",
            [("abc", 1, 5), ("cab", 6, 9)],
        ),
        # Two characters of one symbol have its time, both.
        (PAIRS, ["我用", "我用", "", "ab"], "我用ab", [("我", 0, 2), ("用", 0, 2), ("ab", 3, 4)]),
        (PAIRS, ["用a", "b"], "用ab", [("用", 0, 1), ("ab", 0, 2)]),
    ],
)
def test_words_and_their_frames(decoder, alphabet, frames, text, words):
    log_probs = outputs(alphabet, frames)
    ((best,),) = decoder(alphabet).decode(log_probs, [len(frames)])
    assert best.text == text
    assert [(word.text, word.start, word.end) for word in best.words] == words
    assert [word.confidence for word in best.words] == pytest.approx([0.9] * len(words))


@pytest.mark.parametrize("decoder", [GreedyDecoder, BeamDecoder])
def test_a_word_has_the_mean_confidence_of_its_symbols(decoder):
    log_probs = outputs(PAIRS, ["我用", "", "ab", "c"])
    log_probs[0, [0, 2]] = np.log(np.exp(log_probs[0, [0, 2]]) * 0.5 + 0.5 / len(PAIRS))
    ((best,),) = decoder(PAIRS).decode(log_probs, [4])
    lower = 0.45 + 0.5 / len(PAIRS)
    expected = [lower, lower, (lower + 0.9) / 2]
    assert [word.confidence for word in best.words] == pytest.approx(expected)


def test_words_of_a_batch_are_those_of_each_utterance():
    frames = [["我", "用", "p", "y"], ["", "", "", ""], ["p", "", "写", "写"]]
    log_probs = np.concatenate([outputs(MIXED, each) for each in frames])
    together = BeamDecoder(MIXED, n_best=3).decode(log_probs, [4, 4, 3])
    for x, length, found in zip(log_probs, [4, 4, 3], together, strict=True):
        assert found == BeamDecoder(MIXED, n_best=3).decode(x[None], [length])[0]
