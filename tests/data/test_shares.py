"""The shares of the processes: complete, of like size, and how long ranks wait for each other."""

import numpy as np
import pytest

from ds2np.data.batches import distribute, plan_epoch, shard

FRAMES = np.random.default_rng(0).gamma(6, 200, 2000).clip(100, 3500).astype(int)


def padded(indices):
    return len(indices) * FRAMES[indices].max() if len(indices) else 0


def waiting(work):
    """Return the share of their time that ranks wait, of the work of each rank in each step."""
    return 1 - work.mean(axis=1).sum() / work.max(axis=1).sum()


def work_in_steps(shares, accumulate):
    work = np.array([[padded(indices) for indices in share] for share in shares]).T
    whole = len(work) // accumulate * accumulate
    return work[:whole].reshape(-1, accumulate, len(shares)).sum(axis=1)


@pytest.mark.parametrize("epoch", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 8, 30])
def test_every_utterance_has_one_rank_and_the_shares_are_bounded(size, epoch):
    plan = plan_epoch(FRAMES, 20, epoch, seed=0, max_frames=20_000)
    shares = [shard(plan, rank, size) for rank in range(size)]
    for k, indices in enumerate(plan):
        parts = [share[k] for share in shares]
        assert sorted(np.concatenate(parts)) == sorted(indices)
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
        for part in parts:
            assert padded(part) < padded(indices) / size + FRAMES[indices].max()
        if size == 1:
            np.testing.assert_array_equal(parts[0], indices)


def test_the_next_minibatch_is_dealt_from_where_the_last_ended():
    plan = [np.arange(5), np.arange(5, 8), np.arange(8, 9), np.arange(9, 13)]
    shares = [[part.tolist() for part in shard(plan, rank, 4)] for rank in range(4)]
    assert shares == [
        [[0, 4], [], [8], [12]],
        [[1], [5], [], [9]],
        [[2], [6], [], [10]],
        [[3], [7], [], [11]],
    ]


# Of 20 utterances for 8 processes, nobody can take half of one; but not always the same take three.
@pytest.mark.parametrize(
    ("accumulate", "before", "now"), [(1, 0.28, 0.28), (2, 0.27, 0.18), (4, 0.26, 0.12)]
)
def test_the_remainder_goes_round(accumulate, before, now):
    plan = plan_epoch(FRAMES, 20, epoch=2, seed=0, max_frames=20_000)
    always_from_rank_0 = [[indices[rank::8] for indices in plan] for rank in range(8)]
    shares = [shard(plan, rank, 8) for rank in range(8)]
    assert before - 0.03 < waiting(work_in_steps(always_from_rank_0, accumulate)) < before
    assert waiting(work_in_steps(shares, accumulate)) < now


@pytest.mark.parametrize(
    ("size", "before", "now"), [(2, 0.022, 0.005), (4, 0.035, 0.01), (8, 0.11, 0.07)]
)
def test_minibatches_of_an_evaluation_are_distributed_by_frames(size, before, now):
    plan = plan_epoch(FRAMES[:500], 16, epoch=1, seed=0, max_frames=20_000)
    shares = [distribute(plan, FRAMES, rank, size) for rank in range(size)]
    assert sorted(b[0] for share in shares for b in share) == sorted(b[0] for b in plan)
    for share in shares:
        assert [FRAMES[b].max() for b in share] == sorted(FRAMES[b].max() for b in share)
    every_nth = [plan[rank::size] for rank in range(size)]
    work, earlier = (
        np.array([[sum(map(padded, own)) for own in shared]]) for shared in (shares, every_nth)
    )
    assert before / 2 < waiting(earlier) < before
    assert waiting(work) < now
    assert work.max() - work.min() < max(map(padded, plan))


def test_one_process_evaluates_the_plan_as_it_is():
    plan = plan_epoch(FRAMES, 16, epoch=1, seed=0)
    for own, indices in zip(distribute(plan, FRAMES, 0, 1), plan, strict=True):
        np.testing.assert_array_equal(own, indices)
