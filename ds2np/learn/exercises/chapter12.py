"""Exercises of chapter 12: the GPU."""

import numpy as np

from ds2np.learn.exercise import Exercise

LANES = np.arange(32)


def shuffle_rounds(values):
    """Compute the rounds of the kernel's `over_warp`."""
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        rounds.append(rounds[-1] + rounds[-1][LANES ^ far])
    return np.stack(rounds)


def work_of(block, k, i, frames, label_counts):
    """Compute the indices as `ctc_ways` does."""
    n, back = block // 2, block % 2
    states, last = 2 * label_counts[n] + 1, frames[n] - 1
    if k > last or i >= states:
        return -1, -1, -1
    return n, last - k if back else k, states - 1 - i if back else i


def next_row(before, emissions, skip):
    """Compute for all states what a thread of `ctc_ways` computes for one."""
    ways = np.logaddexp(before[2:], before[1:-1])
    ways = np.where(skip, np.logaddexp(ways, before[:-2]), ways)
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def end_times(times, group):
    """Let each group begin a frame where its slowest block has ended the one before."""
    same = group[:, None] == group
    ends, begin = [], np.zeros(len(group))
    for of_frame in times:
        ends.append(begin + of_frame)
        begin = np.where(same, ends[-1], 0).max(axis=1)
    return np.stack(ends)


def _shuffle_cases(rng):
    return {
        "one lane holds a 1": (np.eye(32)[5],),
        "lane indices": (np.arange(32.0),),
        "random numbers": (rng.standard_normal(32),),
    }


def _work_cases(rng):
    frames, counts = np.array([6, 4, 0]), np.array([2, 3, 1])
    return {
        "forward, the first frame": (0, 0, 3, frames, counts),
        "backward, its first frame is the last": (1, 0, 0, frames, counts),
        "backward, in the middle": (1, 2, 4, frames, counts),
        "the shorter utterance, backward": (3, 0, 1, frames, counts),
        "the shorter utterance, forward": (2, 3, 6, frames, counts),
        "after the end of the utterance": (2, 4, 0, frames, counts),
        "more threads than states": (1, 0, 5, frames, counts),
        "an utterance without frames": (4, 0, 0, frames, counts),
    }


def _row_cases(rng):
    def case(S, reached, skips):
        before = np.concatenate([np.full(2, -np.inf), -3 * rng.random(S)])
        before[2 + reached :] = -np.inf
        skip = np.zeros(S, bool)
        skip[skips] = True
        return before, -5 * rng.random(S), skip

    return {
        "all states reached": case(7, 7, [3, 5]),
        "only the first two reached so far": case(7, 2, [3, 5]),
        "equal neighbours: nothing may be skipped": case(5, 5, []),
        "one blank": case(1, 1, []),
        "no state reached": case(5, 0, [3]),
        "numbers in the thousands": (
            case(5, 5, [3])[0] - 4000,
            -5 * rng.random(5),
            np.arange(5) == 3,
        ),
    }


def _time_cases(rng):
    return {
        "one frame": (np.array([[3.0, 1.0, 2.0]]), np.array([0, 0, 1])),
        "one group": (np.array([[3.0, 1.0], [1.0, 2.0], [5.0, 1.0]]), np.array([0, 0])),
        "each block alone": (rng.random((4, 3)), np.array([2, 0, 1])),
        "two groups of two": (rng.random((6, 4)), np.array([0, 0, 1, 1])),
        "the blocks of a group apart": (rng.random((5, 6)), np.array([4, 1, 4, 1, 1, 4])),
    }


EXERCISES = (
    Exercise(
        "12.1", "shuffle_rounds", "sum over a warp, round by round", shuffle_rounds, _shuffle_cases
    ),
    Exercise("12.2", "work_of", "utterance, frame and state of a thread", work_of, _work_cases),
    Exercise(
        "12.3", "next_row", "one frame of the recursion, from row to row", next_row, _row_cases
    ),
    Exercise("12.4", "end_times", "blocks that wait for their group", end_times, _time_cases),
)
