"""Words, sentences and marks of a path."""

from types import SimpleNamespace

import numpy as np
import pytest

from ds2np.align.alignment import _find_missing, find_frames, find_runs, make_alignment
from ds2np.align.search import Loose, best_path

FRAME = 0.02


def draw(rng, words, T):
    """Draw log-probabilities, a text of words, and their labels."""
    sizes = rng.integers(1, 4, words)
    labels, begins, ends = [], [], []
    for size in sizes:
        labels += [1] if labels else []  # the space
        begins.append(len(labels))
        labels += rng.integers(2, 6, size).tolist()
        ends.append(len(labels))
    logits = 3 * rng.standard_normal((T, 6))
    log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return log_probs, np.array(labels), np.array(begins), np.array(ends)


def expected_words(states, log_probs, labels, begins, ends):
    """Read the words from a path in loops."""
    words = []
    for begin, end in zip(begins, ends, strict=True):
        frames = [
            [t for t in range(len(states)) if states[t] == 2 * i + 1] for i in range(begin, end)
        ]
        if not all(frames):
            words.append((-1, -1, 0.0))
            continue
        best = [
            np.exp(max(log_probs[t, labels[i]] for t in of_label))
            for i, of_label in zip(range(begin, end), frames, strict=True)
        ]
        words.append((frames[0][0], frames[-1][-1] + 1, np.mean(best)))
    return words


@pytest.mark.parametrize("seed", range(30))
def test_frames_of_words_equal_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    log_probs, labels, begins, ends = draw(rng, int(rng.integers(1, 9)), 80)
    loose = Loose(2.0, 1.0, 2.0, 0.2) if seed % 2 else None
    path = best_path(log_probs, labels, np.append(begins, len(labels)), loose)
    got = find_frames(path.states, log_probs, labels, begins, ends)
    expected = expected_words(path.states, log_probs, labels, begins, ends)
    np.testing.assert_array_equal(got.starts, [word[0] for word in expected])
    np.testing.assert_array_equal(got.ends, [word[1] for word in expected])
    np.testing.assert_allclose(got.confidences, [word[2] for word in expected])
    np.testing.assert_array_equal(got.outside, path.states < 0)
    inside = path.states >= 0
    symbols = np.where(path.states % 2, labels[np.minimum(path.states // 2, len(labels) - 1)], 0)
    costs = log_probs.max(axis=1) - log_probs[np.arange(80), symbols]
    np.testing.assert_allclose(got.costs, np.append(0, np.cumsum(np.where(inside, costs, 0))))


def test_words_that_were_not_read_are_marked():
    states = np.array(
        [0, 1, 2, -2, -2, -3, 13, 14]
    )  # the second word, of labels 2 to 4, is missing
    labels, begins, ends = np.array([2, 1, 3, 4, 1, 5, 5]), np.array([0, 2, 5]), np.array([1, 4, 7])
    got = find_frames(states, np.log(np.full((8, 6), 1 / 6)), labels, begins, ends)
    assert got.starts.tolist() == [1, -1, -1]  # of the third, one label has no frame
    assert got.confidences.tolist() == [pytest.approx(1 / 6), 0, 0]


def align(states, labels, begins, ends, sentences, levels, part=None):
    log_probs = np.log(np.full((len(states), 6), 1 / 6))
    frames = find_frames(
        np.array(states), log_probs, np.array(labels), np.array(begins), np.array(ends)
    )
    words = [
        SimpleNamespace(text=f"W{i}", spoken=f"w{i}", sentence=s, line=s + 1)
        for i, s in enumerate(sentences)
    ]
    part = part or (slice(0, len(words)), slice(0, len(states)))
    about = {"recording": "a.wav", "score": -1.0, "exact": True}
    about["duration"] = (part[1].stop - part[1].start) * FRAME
    texts = [f"Sentence {i}." for i in range(max(sentences) + 1)]
    return make_alignment(frames, words, texts, part, about, FRAME, levels)


def test_sentences_have_the_times_of_their_words_and_the_score_of_their_frames():
    states = [*5 * [0], 1, 2, 3, *9 * [4], *20 * [-1 - 2], 4, 5, 6, 6]
    got = align(states, [2, 3, 4], [0, 1, 2], [1, 2, 3], [0, 0, 1], np.full(84, -30.0))
    assert [(w.start, w.end) for w in got.words] == [(0.1, 0.12), (0.14, 0.16), (0.76, 0.78)]
    first, second = got.sentences
    assert (first.text, first.first, first.last) == ("Sentence 0.", 0, 2)
    assert (first.start, first.end, first.complete) == (0.1, 0.16, True)
    assert first.score == 0.0  # all symbols are equally probable
    assert (second.start, second.end) == (0.76, 0.78)
    assert got.foreign == ((0.34, 0.74),)
    assert got.unread == ()


def test_a_word_in_a_pause_was_not_read():
    states = [*25 * [0], 1, *99 * [2], 3, *99 * [4], 5, *25 * [6]]
    levels = np.array([*200 * [-30.0], *160 * [-80.0], *142 * [-30.0]])
    got = align(states, [2, 3, 4], [0, 1, 2], [1, 2, 3], [0, 0, 0], levels)
    assert [word.read for word in got.words] == [True, False, True]
    assert got.words[1].confidence == 0.0
    assert got.unread == ((1, 2),)
    assert not got.sentences[0].complete


def test_which_sentences_lack_their_end_or_begin():
    of_sentences = [0, 0, 0, 1, 1, 2, 2, 2, 3]
    for read, expected in (
        ([*range(9)], (set(), set())),
        ([0, 2, 3, 8], ({1, 3}, {1})),  # a word of the first; the end of the second, the third
        ([0, 1, 2, 5, 6, 7], (set(), set())),  # whole sentences
        ([1, 6], ({1, 2}, {0, 1})),
        ([], (set(), set())),
    ):
        assert _find_missing(np.array(read, int), of_sentences) == expected


def test_a_part_of_the_text_in_one_of_several_recordings():
    states = [1, 2, 3, 4, *10 * [4], 5, 6, 6, 6]
    part = slice(1, 3), slice(10, 18)
    got = align(states, [2, 3, 4], [0, 1, 2], [1, 2, 3], [0, 0, 1], np.full(16, -30.0), part)
    assert [word.text for word in got.words] == ["W1", "W2"]
    assert [(s.first, s.last) for s in got.sentences] == [(0, 1), (1, 2)]
    assert got.words[1].start == pytest.approx(0.08)


def test_runs():
    assert find_runs([]) == []
    assert find_runs([0, 1, 1, 0, 1], origin=10) == [(11, 13), (14, 15)]
