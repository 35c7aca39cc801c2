from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ds2np.decode import GreedyDecoder, Word, greedy_decode, make_decoder
from ds2np.decode.greedy import collapse
from ds2np.errors import UserError
from ds2np.layers import log_softmax
from ds2np.model import DeepSpeech2Config
from ds2np.text import Alphabet

ALPHABET = Alphabet(" ab")


def scores(path):
    """Make log-probabilities whose best path is the given one; - is the blank."""
    symbols = [("-" + "".join(ALPHABET.symbols)).index(c) for c in path]
    return np.log(np.full((len(path), len(ALPHABET)), 0.1) + 0.6 * np.eye(len(ALPHABET))[symbols])


def read(*paths, lengths=None):
    log_probs = np.stack([scores(path) for path in paths])
    return greedy_decode(log_probs, lengths or [len(path) for path in paths], ALPHABET)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("aa-bb-b", "abb"),
        ("-------", ""),
        ("aaaaaaa", "a"),
        ("a-aa--a", "aaa"),
        ("-ab--ba", "abba"),
    ],
)
def test_repeats_are_merged_before_blanks_are_dropped(path, text):
    assert read(path) == [text]


@given(st.lists(st.integers(0, 3)))
def test_collapse_is_groupby_without_blanks(path):
    assert collapse(np.array(path, int)) == [s for s, _ in groupby(path) if s != 0]


def test_padding_frames_are_ignored():
    assert read("ab-ab", "ba-ba", "-----", lengths=[2, 5, 0]) == ["ab", "baba", ""]


def test_spaces_are_single_and_inside():
    assert read(" a -  b- ") == ["a b"]


@pytest.mark.parametrize("decode", [greedy_decode, lambda *a: GreedyDecoder(a[2]).decode(*a[:2])])
@pytest.mark.parametrize(
    ("change", "lengths", "message"),
    [
        (lambda x: x[0], [4, 2], r"the input has shape \(4, 4\), expected \(N, T, 4\)"),
        (lambda x: x[..., :3], [4, 2], r"has shape \(2, 4, 3\), expected \(N, T, 4\)"),
        (lambda x: x.repeat(2, axis=2), [4, 2], r"shape \(2, 4, 8\), expected \(N, T, 4\)"),
        (lambda x: x.astype(np.float16), [4, 2], "is float16, expected float32 or float64"),
        (lambda x: x.astype(int), [4, 2], "is int64, expected float32 or float64"),
        (lambda x: x.tolist(), [4, 2], "the input is a list"),
        (lambda x: x, [4, 5], r"lengths are \[4, 5\], expected 2 values from 0 to 4"),
        (lambda x: x, [4, -1], r"lengths are \[4, -1\], expected 2 values from 0 to 4"),
        (lambda x: x, [4], r"lengths are \[4\], expected 2 values from 0 to 4"),
        (lambda x: x, [4, 2, 1], r"lengths are \[4, 2, 1\], expected 2 values"),
        (lambda x: x, 4, "lengths are 4, expected 2 values from 0 to 4"),
        (lambda x: x, [4.0, 2.0], "lengths are float64, expected integers"),
        (
            lambda x: np.where(np.arange(4) == 1, np.nan, x),
            [1, 4],
            "frame 0 of utterance 0 holds N",
        ),
    ],
)
def test_what_does_not_fit_is_refused(decode, change, lengths, message):
    log_probs = np.stack([scores("ab-a"), scores("b---")])
    with pytest.raises(ValueError, match=message):
        decode(change(log_probs), lengths, ALPHABET)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.uint64])
def test_lengths_may_be_any_integers_and_padding_anything(dtype):
    log_probs = np.stack([scores("ab-a"), scores("b---")])
    log_probs[1, 2:] = np.nan
    assert greedy_decode(log_probs, np.array([4, 2], dtype), ALPHABET) == ["aba", "b"]
    assert greedy_decode(log_probs[:0], [], ALPHABET) == []


# Words and their times


def words_of(log_probs, frame_seconds):
    decoder = GreedyDecoder(ALPHABET, frame_seconds)
    ((hypothesis,),) = decoder.decode(log_probs[None], [len(log_probs)])
    return list(hypothesis.words)


def times(path, frame_seconds=0.02):
    return [(word.text, word.start, word.end) for word in words_of(scores(path), frame_seconds)]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("ab", [("ab", 0.0, 0.04)]),
        ("--aa-b-- --b-", [("ab", 0.04, 0.12), ("b", 0.22, 0.24)]),
        ("a b", [("a", 0.0, 0.02), ("b", 0.04, 0.06)]),
        (" -a-aa  ", [("aa", 0.04, 0.12)]),
        ("-a- - -b", [("a", 0.02, 0.04), ("b", 0.14, 0.16)]),
        ("- - -", []),
        ("", []),
    ],
)
def test_a_word_lasts_from_its_first_frame_to_its_last(path, words):
    assert times(path) == words


def test_times_follow_the_length_of_a_frame():
    assert times("-a b", 0.0125) == [("a", 0.0125, 0.025), ("b", 0.0375, 0.05)]


def test_without_a_length_times_are_frames():
    assert times("-a b", 1) == [("a", 1, 2), ("b", 3, 4)]


def test_confidence_is_the_mean_of_the_best_frame_of_each_character():
    probabilities = np.array(
        [  # blank, space, a, b
            [0.10, 0.10, 0.60, 0.20],
            [0.05, 0.00, 0.90, 0.05],
            [0.99, 0.00, 0.01, 0.00],
            [0.20, 0.00, 0.30, 0.50],
            [0.00, 1.00, 0.00, 0.00],
            [0.40, 0.00, 0.59, 0.01],
        ]
    )
    with np.errstate(divide="ignore"):
        log_probs = np.log(probabilities)
    assert words_of(log_probs, 0.01) == [
        Word("ab", 0.0, 0.04, pytest.approx((0.9 + 0.5) / 2)),
        Word("a", 0.05, 0.06, pytest.approx(0.59)),
    ]


def test_hypotheses_have_the_score_of_the_best_path():
    decoder = GreedyDecoder(ALPHABET)
    log_probs = np.stack([scores("ab-a"), scores("b---")])
    (first,), (second,) = decoder.decode(log_probs, np.array([4, 2]))
    assert (first.text, second.text) == ("aba", "b")
    assert first.score == first.acoustic == pytest.approx(4 * np.log(0.7))
    assert (second.score, second.lm) == (pytest.approx(2 * np.log(0.7)), 0.0)


LOGITS = st.integers(0, 30).flatmap(
    lambda T: arrays(np.float32, (T, len(ALPHABET)), elements=st.floats(-5, 5, width=32))
)


@given(LOGITS)
def test_words_are_those_of_the_text_in_order_of_time(logits):
    log_probs, lengths = log_softmax(logits)[None], [len(logits)]
    ((hypothesis,),) = GreedyDecoder(ALPHABET, 0.02).decode(log_probs, lengths)
    (text,) = greedy_decode(log_probs, lengths, ALPHABET)
    assert " ".join(word.text for word in hypothesis.words) == text == hypothesis.text
    moments = [time for word in hypothesis.words for time in (word.start, word.end)]
    assert moments == sorted(moments)
    assert all(0 <= time <= 0.02 * len(logits) + 1e-6 for time in moments)
    assert all(0.2499 < word.confidence <= 1 for word in hypothesis.words)  # the maximum of four


def test_an_unknown_decoder_is_refused():
    with pytest.raises(UserError, match="unknown decoder 'oracle'; choose from greedy"):
        make_decoder("oracle", DeepSpeech2Config())
