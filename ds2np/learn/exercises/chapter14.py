"""Exercises of chapter 14: output symbols."""

import numpy as np

from ds2np.ctc import min_frames
from ds2np.learn.exercise import Exercise
from ds2np.text import Bigrams
from ds2np.text.counting import choose_symbols


def cut_bigrams(text, known):
    """Cut a text with the package's alphabet."""
    return Bigrams(known).cut(text)


def largest_stride(labels, frames):
    """Try all strides, from the largest one down."""
    for stride in range(frames, 0, -1):
        if -(-frames // stride) >= min_frames(labels):
            return stride
    return 0


def choose_characters(texts, most):
    """Choose characters with the package's function."""
    return choose_symbols(texts, most=most)


def move_voice(pitch, centre):
    """Move the logarithms of the pitch, where there is one."""
    octaves = np.log2(pitch, out=np.full(len(pitch), -np.inf), where=pitch > 0)
    voiced = np.isfinite(octaves)
    if voiced.any():
        octaves += np.log2(centre) - octaves[voiced].mean()
    return 2**octaves


def _cut_cases(rng):
    letters = "abc"
    pairs = [a + b for a in letters for b in letters]
    words = ["".join(rng.choice(list(letters), n)) for n in rng.integers(1, 8, 12)]
    return {
        "the paper's example": ("the cats sat", ["th", "ca", "ts", "sa", "he", "at", "s "]),
        "words of one letter": ("a b", ["ab", "aa"]),
        "a pair that is no symbol": ("cats", ["ca", "at"]),
        "a pair that is known where no cut is": ("xabc", ["ab", "bc", "xa"]),
        "after a pair that is no symbol": ("abcd", ["bc", "cd"]),
        "no pair is known": ("cat", []),
        "nothing": ("", ["ab"]),
        "equal letters": ("aaaaa aa", ["aa"]),
        "an apostrophe": ("don't", ["do", "n'"]),
        "many words": (" ".join(words), rng.permutation(pairs)[:5].tolist()),
        "all pairs of many words": (" ".join(words[::-1]), pairs),
    }


def _stride_cases(rng):
    return {
        "no equal neighbours": (np.array([3, 1, 2]), 30),
        "a pair of equal neighbours": (np.array([1, 2, 2, 3]), 30),
        "three equal labels": (np.array([4, 4, 4]), 50),
        "equal labels that are not neighbours": (np.array([1, 2, 1]), 20),
        "just enough frames": (np.array([1, 2, 3]), 3),
        "one frame more than needed": (np.array([1, 2, 3]), 4),
        "a stride that leaves an uneven rest": (np.array([1, 2, 3, 4]), 10),
        "one frame too few": (np.array([1, 1, 2]), 3),
        "two labels": (np.array([2, 5]), 8),
        "one label": (np.array([5]), 7),
        "no labels": (np.array([], int), 6),
        "a sentence of two seconds": (rng.integers(1, 29, 30), int(rng.integers(180, 220))),
        "another sentence": (rng.integers(1, 5, 17), int(rng.integers(100, 300))),
    }


def _character_cases(rng):
    zipf = 1 / np.arange(1, 21)
    common = list("的一是不了人我在有他这中大来上个国和也子")
    texts = ["".join(rng.choice(common, n, p=zipf / zipf.sum())) for n in rng.integers(3, 15, 30)]
    return {
        "the most frequent ones": (["他是我的", "我的书"], 2),
        "a tie goes by the order of the characters": (["ba", "dc"], 3),
        "a tie at the end": (["aaccbb", "bad"], 2),
        "more than there are": (["ab", "b"], 9),
        "as many as there are": (["ab", "cb"], 3),
        "one": (["abc", "cc"], 1),
        "a space is a character, too": (["a b a b", "b a"], 2),
        "an empty text": (["", "ba"], 5),
        "no texts": ([], 3),
        "upper case is not lower case": (["aAA", "Ab"], 2),
        "many sentences, half of their characters": (texts, 10),
        "many sentences, few characters": (texts, int(rng.integers(2, 6))),
    }


def _pitch_cases(rng):
    def voice(count, low=90, high=300):
        return rng.uniform(low, high, count)

    gaps = voice(30)
    gaps[rng.permutation(30)[:12]] = 0
    return {
        "a falling tone": (np.array([260.0, 220.0, 180.0, 140.0]), 200.0),
        "to a higher voice": (voice(20), 330.0),
        "to a lower voice": (voice(20, 200, 400), 95.0),
        "with frames without a voice": (gaps, 210.0),
        "a voice at the end only": (np.concatenate([np.zeros(5), voice(3)]), 150.0),
        "a single frame": (np.array([123.0]), 246.0),
        "a level tone": (np.full(6, 150.0), 200.0),
        "no voice at all": (np.zeros(4), 200.0),
        "no frames": (np.zeros(0), 200.0),
        "in kilohertz": (gaps / 1000, 0.21),
        "a centre of 1": (voice(5), 1.0),
    }


EXERCISES = (
    Exercise(
        "14.1",
        "cut_bigrams",
        "cut a text into bigrams and single letters",
        cut_bigrams,
        _cut_cases,
        package=Bigrams.cut,
    ),
    Exercise(
        "14.2",
        "largest_stride",
        "the largest stride at which a transcript fits",
        largest_stride,
        _stride_cases,
        package=min_frames,
    ),
    Exercise(
        "14.3",
        "choose_characters",
        "the most frequent characters of a corpus",
        choose_characters,
        _character_cases,
        results=("characters", "left out"),
        package=choose_symbols,
    ),
    Exercise("14.4", "move_voice", "the same tone in another voice", move_voice, _pitch_cases),
)
