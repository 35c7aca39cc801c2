"""Boundaries of words beside pauses, and sound between words."""

import numpy as np
import pytest

from ds2np.align.boundaries import find_silent, move_to_pauses

DURATION = 10.0


def quiet_at(*spans):
    quiet = np.zeros(round(100 * DURATION), bool)
    for first, last in spans:
        quiet[round(100 * first) : round(100 * last)] = True
    return quiet


def move(words, quiet, foreign=()):
    starts, ends = np.array(words, float).reshape(-1, 2).T
    starts, ends, foreign = move_to_pauses(starts, ends, list(foreign), quiet)
    return np.stack([starts, ends], axis=1).round(3).tolist(), np.round(foreign, 3).tolist()


def test_words_end_and_begin_where_the_pause_between_them_does():
    quiet = quiet_at((0, 1), (2.2, 3.0), (4, 10))
    moved, foreign = move([(1.2, 2.0), (3.3, 3.9)], quiet)
    assert (moved, foreign) == ([[1.0, 2.2], [3.0, 4.0]], [])
    # Also if the network was too early, or too late.
    moved, _ = move([(0.95, 2.25), (2.95, 4.05)], quiet)
    assert moved == [[1.0, 2.2], [3.0, 4.0]]


def test_of_several_pauses_the_longest_counts():
    quiet = quiet_at((0, 1), (2.1, 2.2), (2.4, 3.0), (4, 10))
    assert move([(1, 2.0), (3.3, 4)], quiet)[0] == [[1.0, 2.4], [3.0, 4.0]]


def test_words_without_a_pause_stay_where_they_are():
    quiet = quiet_at((0, 1), (2.0, 2.04), (4, 10))
    assert move([(1, 1.9), (2.2, 4)], quiet)[0] == [[1, 1.9], [2.2, 4]]


def test_a_pause_far_away_does_not_count():
    quiet = quiet_at((0, 1), (3.5, 5.0), (9, 10))
    moved, foreign = move([(1, 2.0), (8, 9)], quiet)
    assert moved == [[1, 2.0], [8, 9]]
    assert foreign == [[2.0, 3.5], [5.0, 8.0]]  # what the network does not hear as speech


def test_foreign_sound_stays_outside_of_the_words():
    quiet = quiet_at((0, 1), (2.2, 3.0), (5, 5.5), (6, 10))
    moved, foreign = move([(1, 2.0), (5.7, 5.9)], quiet, [(2.9, 5.1)])
    assert moved == [[1.0, 2.2], [5.5, 6.0]]
    assert foreign == [[3.0, 5.0]]


@pytest.mark.parametrize("seed", range(50))
def test_words_stay_in_order_and_spans_between_them(seed):
    rng = np.random.default_rng(seed)
    edges = np.sort(rng.uniform(0, DURATION, 2 * int(rng.integers(0, 9))))
    quiet = np.repeat(rng.random(100) < 0.5, 10)
    pairs = edges.reshape(-1, 2)
    gaps = [(a, b) for a, b in zip(edges[1:-1:2], edges[2::2], strict=True) if rng.random() < 0.4]
    foreign = [(a + 0.2 * (b - a), b - 0.2 * (b - a)) for a, b in gaps]
    starts, ends, spans = move_to_pauses(pairs[:, 0], pairs[:, 1], foreign, quiet)
    flat = np.stack([starts, ends], axis=1).ravel()
    assert (np.diff(flat) >= -1e-9).all()
    assert (ends >= starts).all()
    assert all(a < b for a, b in spans)
    bounds = np.concatenate([[0], flat, [DURATION]]).reshape(-1, 2)
    for a, b in spans:
        assert any(low - 1e-9 <= a and b <= high + 1e-9 for low, high in bounds)


def test_sound_beside_a_missing_word_may_be_its_own():
    quiet = quiet_at((0, 1), (2.5, 3.0), (4, 10))
    with_all = move([(1, 2.0), (3, 4)], quiet)
    assert with_all == ([[1, 2.5], [3, 4]], [])
    starts, ends, foreign = move_to_pauses([1, 3], [2.0, 4], [], quiet, {1}, {1})
    assert np.round([*starts, *ends], 3).tolist() == [1, 3, 2.0, 4]
    assert np.round(foreign, 3).tolist() == [[2.0, 2.5]]


def test_a_word_without_a_sound_near_it():
    quiet = quiet_at((0, 1), (2.0, 3.0), (3.5, 10))
    times = np.array([[1.5, 2.03, 2.5, 2.96, 3.6], [1.6, 2.1, 2.6, 3.1, 20.0]])
    assert find_silent(*times, quiet).tolist() == [False, False, True, False, True]
    assert find_silent(*times[:, :0], quiet).tolist() == []


def test_foreign_sound_has_no_quiet_at_its_ends_nor_the_edge_of_a_word():
    quiet = quiet_at((0, 1), (2, 2.5), (3.5, 4), (6, 10))
    moved, foreign = move([(1.2, 2.05), (4.1, 5.9)], quiet, [(1.95, 4.06)])
    assert moved == [[1, 2], [4, 6]]
    assert foreign == [[2.5, 3.5]]
    assert move([(1.2, 2.0)], quiet, [(6.5, 7.5)])[1][-1] == [6.5, 7.5]
    assert move([(1.2, 2.0)], quiet, [(6.5, 7.4)])[1] == [[2.5, 6.0]]  # left the text in a pause


@pytest.mark.parametrize(("sides", "expected"), [
    (({1}, ()), ([1, 3], [2.0, 4], [[2.0, 2.5]])),
    (((), {1}), ([1, 3], [2.5, 4], [])),
    (((), ()), ([1, 3], [2.5, 4], [])),
])  # fmt: skip
def test_only_a_sentence_that_lacks_its_end_may_have_it_there(sides, expected):
    quiet = quiet_at((0, 1), (2.5, 3.0), (4, 10))
    got = move_to_pauses([1, 3], [2.0, 4], [], quiet, *sides)
    assert [np.round(part, 3).tolist() for part in got] == [*expected]
