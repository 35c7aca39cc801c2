import os
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.data.batches import Draw, make_batch, plan_epoch, prefetch

FRAMES = st.lists(st.integers(1, 500), min_size=1, max_size=60).map(np.array)


class Numbers:
    """A data set whose features are easy to recognise."""

    dtype = np.float32

    def __init__(self, frames):
        self.frames = np.array(frames)
        self.labels = [np.arange(1, 1 + n // 2) for n in frames]

    def features(self, i, rng=None):
        return np.full((self.frames[i], 3), i + 1, np.float32)


@given(FRAMES, st.integers(1, 9), st.integers(1, 5), st.integers(0, 9))
def test_every_utterance_is_in_exactly_one_batch(frames, batch_size, epoch, seed):
    plan = plan_epoch(frames, batch_size, epoch, seed)
    assert sorted(np.concatenate(plan)) == list(range(len(frames)))
    assert max(map(len, plan)) <= batch_size
    assert len(plan) == -(-len(frames) // batch_size)


@given(FRAMES, st.integers(1, 9))
def test_the_first_epoch_runs_from_short_to_long(frames, batch_size):
    lengths = frames[np.concatenate(plan_epoch(frames, batch_size, epoch=1, seed=0))]
    assert (np.diff(lengths) >= 0).all()


def plan_of(epoch, seed=0):
    frames = np.random.default_rng(1).integers(50, 500, 200)
    return [batch.tolist() for batch in plan_epoch(frames, 8, epoch, seed)]


def test_later_epochs_are_shuffled():
    frames = np.random.default_rng(1).integers(50, 500, 200)
    mean_lengths = np.array([frames[batch].mean() for batch in plan_of(2)])
    assert abs(np.corrcoef(mean_lengths, np.arange(len(mean_lengths)))[0, 1]) < 0.5


def test_the_plan_is_a_function_of_seed_and_epoch():
    assert plan_of(2) == plan_of(2)
    plans = [plan_of(2), plan_of(3), plan_of(2, seed=1)]
    assert all(a != b for i, a in enumerate(plans) for b in plans[:i])


def test_neighbours_change_from_epoch_to_epoch():
    assert {frozenset(b) for b in plan_of(2)}.isdisjoint(frozenset(b) for b in plan_of(3))


@pytest.mark.parametrize("epoch", [1, 2, 7])
def test_like_lengths_stay_together(epoch):
    frames = np.random.default_rng(1).integers(50, 500, 200)
    padded = sum(len(b) * frames[b].max() for b in plan_epoch(frames, 8, epoch, seed=0))
    assert padded < 1.15 * frames.sum()  # 1.8 in random order


@pytest.mark.parametrize(("others", "expected"), [(0, 0), (4, 4), (50, 17)])
def test_a_draw_has_the_first_ones_again_and_others_each_time(others, expected):
    draw, epochs = Draw(first=3, times=2, others=others), []
    for epoch in range(1, 40):
        drawn = draw(20, epoch, seed=7)
        assert sorted(drawn[:6]) == [0, 0, 1, 1, 2, 2]
        assert len(set(drawn[6:])) == len(drawn[6:]) == expected
        assert set(drawn[6:]) <= set(range(3, 20))
        np.testing.assert_array_equal(drawn, draw(20, epoch, seed=7))
        epochs.append(tuple(drawn[6:]))
    assert len(set(epochs)) == (1 if not others else len(epochs))
    assert {i for epoch in epochs for i in epoch} == (set(range(3, 20)) if others else set())


def test_padding_is_zero():
    dataset = Numbers([4, 2, 3])
    batch = make_batch(dataset, np.array([2, 0]))
    assert batch.lengths.tolist() == [3, 4]
    assert batch.x.dtype == np.float32
    assert batch.x[:, :, 0].tolist() == [[3, 3, 3, 0], [1, 1, 1, 1]]
    assert batch.label_lengths.tolist() == [1, 2]
    assert batch.labels.tolist() == [[1, 0], [1, 2]]


def test_a_batch_without_any_label():
    batch = make_batch(Numbers([1, 1]), np.array([0, 1]))
    assert batch.labels.shape == (2, 0)
    assert batch.label_lengths.tolist() == [0, 0]


@pytest.fixture
def no_thread_left():
    before = threading.active_count()  # a progress bar of an earlier test may have one
    yield
    assert threading.active_count() == before


@pytest.mark.parametrize("batches", [0, 1, 2, 9])
def test_prefetching_makes_the_same_batches(batches):
    dataset = Numbers(range(2, 20))
    plan = np.split(np.arange(2 * batches), batches) if batches else []
    fetched = list(prefetch(dataset, plan))
    assert len(fetched) == batches
    for indices, got in zip(plan, fetched, strict=True):
        expected = make_batch(dataset, indices)
        for name in ("indices", "x", "lengths", "labels", "label_lengths"):
            np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))


def test_an_error_in_the_background_reaches_the_caller(no_thread_left):
    class Broken(Numbers):
        def features(self, i, rng=None):
            assert threading.current_thread() is not threading.main_thread()
            if i == 3:
                raise OSError("the disk is gone")
            return super().features(i)

    fetched = []
    with pytest.raises(OSError, match="the disk is gone"):
        fetched.extend(b.indices[0] for b in prefetch(Broken([2] * 9), np.arange(9)[:, None]))


def test_a_caller_may_stop_early(no_thread_left):
    batches = prefetch(Numbers([2] * 9), np.arange(9)[:, None])
    assert next(batches).indices == [0]
    batches.close()


def test_all_cores_read_though_few_minibatches_are_in_memory(monkeypatch):
    """Eight utterances of two minibatches pass the barrier together, or none does."""
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    together = threading.Barrier(8, timeout=10)

    class Meeting(Numbers):
        def features(self, i, rng=None):
            together.wait()
            return super().features(i)

    data, plan = Meeting([2] * 16), np.arange(16).reshape(4, 4)
    fetched = [batch.indices.tolist() for batch in prefetch(data, plan, ahead=1)]
    assert fetched == plan.tolist()


@given(FRAMES, st.integers(1, 9), st.integers(1, 400), st.integers(1, 3))
def test_minibatches_stay_within_the_limits(frames, batch_size, most, epoch):
    plan = plan_epoch(frames, batch_size, epoch, seed=0, max_frames=most)
    assert sorted(np.concatenate(plan)) == list(range(len(frames)))
    for batch in plan:
        assert len(batch) <= batch_size
        assert len(batch) == 1 or len(batch) * frames[batch].max() <= most
