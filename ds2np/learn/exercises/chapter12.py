"""Exercises of chapter 12, on the GPU."""

import numpy as np

from ds2np.learn.exercise import Exercise

LANES = np.arange(32)


def shuffle_rounds(values):
    """Follow the kernel's `over_block` through the rounds of one warp."""
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        rounds.append(rounds[-1] + rounds[-1][LANES ^ far])
    return np.stack(rounds)


def work_of(block, k, i, frames, label_counts):
    """Find what `ctc_ways` does: the indices as in the kernel."""
    n, back = block // 2, block % 2
    states, last = 2 * label_counts[n] + 1, frames[n] - 1
    if k > last or i >= states:
        return -1, -1, -1
    return n, last - k if back else k, states - 1 - i if back else i


def next_row(before, emissions, skip):
    """Do for all states what a thread of `ctc_ways` does for one."""
    ways = np.logaddexp(before[2:], before[1:-1])
    ways = np.where(skip, np.logaddexp(ways, before[:-2]), ways)
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def _shuffle_cases(rng):
    return {
        "one lane holds a 1": (np.eye(32)[5],),
        "the numbers of the lanes": (np.arange(32.0),),
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
        "behind the utterance's end": (2, 4, 0, frames, counts),
        "more threads than states": (1, 0, 5, frames, counts),
        "an utterance without a frame": (4, 0, 0, frames, counts),
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
        "nothing can be reached any more": case(5, 0, [3]),
        "numbers in the thousands": (
            case(5, 5, [3])[0] - 4000,
            -5 * rng.random(5),
            np.arange(5) == 3,
        ),
    }


EXERCISES = (
    Exercise(
        number="12.1",
        function="shuffle_rounds",
        task="a sum over the lanes of a warp, round by round",
        reference=shuffle_rounds,
        cases=_shuffle_cases,
    ),
    Exercise(
        number="12.2",
        function="work_of",
        task="which utterance, frame and state a thread works on",
        reference=work_of,
        cases=_work_cases,
    ),
    Exercise(
        number="12.3",
        function="next_row",
        task="one frame of the recursion, from one row to the other",
        reference=next_row,
        cases=_row_cases,
    ),
)
