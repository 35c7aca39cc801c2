"""Mistakes that are easily made in the exercises of chapter 12."""

import importlib.util

import numpy as np

from ds2np.learn.book import FOLDER

_spec = importlib.util.spec_from_file_location("right", FOLDER / "solutions" / "12_gpu.py")
right = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(right)


def other_way_round(values):
    rounds = [values]
    for far in (1, 2, 4, 8, 16):
        rounds.append(rounds[-1] + rounds[-1][np.arange(32) ^ far])
    return np.array(rounds)


def downwards_only(values):
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        beyond = np.concatenate([rounds[-1][far:], np.zeros(far)])
        rounds.append(rounds[-1] + beyond)
    return np.array(rounds)


def in_place(values):
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        now = rounds[-1].copy()
        for lane in range(32):
            now[lane] += now[lane ^ far]  # the other lane may have added already
        rounds.append(now)
    return np.array(rounds)


def halves(block, k, i, frames, label_counts):
    N = len(frames)
    return right.work_of(2 * (block % N) + block // N, k, i, frames, label_counts)


def from_the_padded_end(block, k, i, frames, label_counts):
    n, _, s = right.work_of(block, k, i, frames, label_counts)
    return n, (max(frames) - 1 - k if block % 2 else k), s


def states_forward(block, k, i, frames, label_counts):
    n, t, s = right.work_of(block, k, i, frames, label_counts)
    return n, t, min(i, s)


def without_ends(block, k, i, frames, label_counts):
    n = block // 2
    if block % 2 == 0:
        return n, k, i
    return n, frames[n] - 1 - k, 2 * label_counts[n] - i


def row_in_place(before, emissions, skip):
    now = before.copy()
    for i in range(len(emissions)):
        ways = np.logaddexp(now[i + 2], now[i + 1])
        if skip[i]:
            ways = np.logaddexp(ways, now[i])
        now[i + 2] = ways + emissions[i]
    return now


def row_with_nan(before, emissions, skip):
    far = np.where(skip, before[:-2], -np.inf)
    three = np.stack([before[2:], before[1:-1], far])
    peak = three.max(axis=0)
    ways = peak + np.log(np.exp(three - peak).sum(axis=0))
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def row_underflows(before, emissions, skip):
    p = np.exp(before)
    ways = np.log(p[2:] + p[1:-1] + np.where(skip, p[:-2], 0))
    return np.concatenate([np.full(2, -np.inf), ways + emissions])


def by_slowest(times, group):
    ends = np.empty(times.shape)
    for g in set(group):
        ends[:, group == g] = times[:, group == g].max(axis=1).cumsum()[:, None]
    return ends


def neighbours_in_order(times, group):
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))  # groups that stand together
    ends, begin = [], np.zeros(len(group))
    for of_frame in times:
        ends.append(begin + of_frame)
        slowest = np.maximum.reduceat(ends[-1], starts)
        begin = np.repeat(slowest, np.diff(starts, append=len(group)))
    return np.array(ends)


WRONG = {
    "12.1": {
        "begins with the nearest lane": other_way_round,
        "takes from the lanes behind only": downwards_only,
        "reads what other lanes have written in this round": in_place,
        "returns the sum alone": lambda values: values.sum(),
    },
    "12.2": {
        "all forward blocks first": halves,
        "begins at the end of the padded batch": from_the_padded_end,
        "does not turn the states round": states_forward,
        "forgets that an utterance and its transcript end": without_ends,
    },
    "12.3": {
        "reads what it has just written": row_in_place,
        "takes minus infinity from itself": row_with_nan,
        "computes with probabilities, which underflow": row_underflows,
        "skips everywhere": lambda b, e, skip: right.next_row(b, e, np.ones_like(skip)),
        "forgets the emission": lambda b, e, skip: right.next_row(b, 0 * e, skip),
    },
    "12.4": {
        "waits for nobody": lambda times, group: np.cumsum(times, axis=0),
        "waits for all blocks": lambda times, group: right.end_times(times, 0 * group),
        "ends when the slowest of the group ends": by_slowest,
        "takes neighbours for a group": neighbours_in_order,
        "returns when frames begin": lambda times, group: right.end_times(times, group) - times,
    },
}
