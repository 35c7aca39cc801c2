"""Exercises of chapter 15: back-pointers, cuts, a classifier's gradient and its threshold."""

import itertools

import numpy as np

from ds2np.align.classifier import choose_threshold, logistic_backward, logistic_forward
from ds2np.align.cutting import cut
from ds2np.align.search import best_path
from ds2np.learn.exercise import Exercise


def trace_back(ones, twos, state):
    """Unpack all bits, and follow the steps."""
    steps = (np.unpackbits(bits, axis=1).astype(int) for bits in (ones, twos))
    one, two = steps
    states = np.empty(len(ones), int)
    for t in reversed(range(len(ones))):
        states[t] = state
        state -= one[t, state] + 2 * two[t, state]
    return states


def least_lost(points, least, most):
    """Try every choice of cuts."""
    points, inner = np.asarray(points), range(1, len(points) - 1)
    best = np.inf
    for count in range(len(points) - 1):
        for chosen in itertools.combinations(inner, count):
            seconds = np.diff(points[[0, *chosen, -1]])
            best = min(best, seconds[(seconds < least) | (seconds > most)].sum())
    return float(best)


def logistic_gradient(x, y, w, b, l2):
    """Run the package's two passes, all examples with the same weight."""
    weights = np.full(len(y), 1 / len(y))
    return logistic_backward(logistic_forward(x, y, w, b, weights, l2)[1])


def best_threshold(probability, wrong, cost):
    """Compute the cost at every candidate."""
    candidates = np.unique(np.append(0.0, probability))
    costs = [
        cost * np.sum(wrong & (probability <= c)) + np.sum(~wrong & (probability > c))
        for c in candidates
    ]
    return float(candidates[int(np.argmin(costs))])


def _trace_cases(rng):
    def case(T, S, state=None):
        way = rng.integers(0, 3, (T, S))
        way = np.minimum(way, np.arange(S))  # nothing comes from before the first state
        bits = (np.packbits(way == kind, axis=1) for kind in (1, 2))
        return *bits, S - 1 if state is None else state

    return {
        "a few frames": case(5, 7),
        "more states than bits in a byte": case(12, 21),
        "eight states": case(9, 8),
        "many": case(40, 63),
        "it begins in the middle": case(10, 30, 13),
        "one frame": case(1, 12),
        "one state": case(4, 1),
        "no frames": case(0, 9),
    }


def _lost_cases(rng):
    def points(count, longest=4.0):
        return np.cumsum(rng.uniform(0.2, longest, count)).round(3)

    return {
        "everything fits as it is": (np.array([0.0, 2.0, 5.0, 9.0]), 1.0, 5.0),
        "two have to stay together": (np.array([0.0, 3.0, 3.5, 6.0]), 1.0, 4.0),
        "one is too long": (np.array([1.0, 3.0, 12.0, 14.0]), 1.0, 5.0),
        "the first is too short": (np.array([0.0, 0.5, 6.0]), 1.0, 5.8),
        "the last is too short": (np.array([0.0, 5.5, 6.0]), 1.0, 5.8),
        "all is too short": (np.array([2.0, 2.3, 2.9]), 1.0, 5.0),
        "exactly the longest and the shortest": (np.array([0.0, 1.0, 6.0]), 1.0, 5.0),
        "the longest choice is not the best": (np.array([0.0, 4.0, 5.0, 5.5, 10.0]), 2.0, 5.0),
        "some": (points(9), 2.0, 6.0),
        "many short ones": (points(11, 1.5), 2.0, 3.0),
        "long ones": (points(8, 9.0), 1.0, 5.0),
        "one piece": (np.array([3.0, 5.0]), 1.0, 5.0),
    }


def _gradient_cases(rng):
    def case(N, D, l2=0.1, scale=1.0):
        y = (rng.random(N) < 0.4).astype(float)
        x = scale * rng.standard_normal((N, D))
        return x, y, rng.standard_normal(D), float(rng.standard_normal()), l2

    return {
        "some": case(7, 3),
        "one feature": case(6, 1),
        "one example": case(1, 4),
        "as many features as examples": case(4, 4),
        "no penalty": case(9, 2, l2=0.0),
        "a large penalty": case(5, 3, l2=3.0),
        "scores in the hundreds": case(6, 3, scale=300.0),
        "many": case(60, 5),
    }


def _threshold_cases(rng):
    def case(count, cost, digits=3):
        wrong = rng.random(count) < 0.3
        probability = np.clip(rng.normal(0.3 + 0.35 * wrong, 0.2), 0.01, 0.99).round(digits)
        return probability, wrong, cost

    p = np.array([0.2, 0.9, 0.4, 0.7])
    return {
        "clearly apart": (
            np.array([0.1, 0.2, 0.8, 0.9]),
            np.array([False, False, True, True]),
            2.0,
        ),
        "the other way round": (p, np.array([True, False, True, False]), 2.0),
        "errors cost as much as losses": case(20, 1.0),
        "errors are expensive": case(20, 9.0),
        "losses are expensive": case(20, 0.2),
        "equal probabilities": case(30, 2.0, digits=1),
        "all are right": (p, np.zeros(4, bool), 5.0),
        "all are wrong": (p, np.ones(4, bool), 5.0),
        "one": (p[:1], np.ones(1, bool), 5.0),
        "many": case(90, 4.0),
    }


EXERCISES = (
    Exercise(
        "15.1",
        "trace_back",
        "the best path, from packed back-pointers of two bits",
        trace_back,
        _trace_cases,
        lists=True,
        package=best_path,
    ),
    Exercise(
        "15.2",
        "least_lost",
        "where to cut, such that the least is lost",
        least_lost,
        _lost_cases,
        package=cut,
    ),
    Exercise(
        "15.3",
        "logistic_gradient",
        "the gradient of logistic regression",
        logistic_gradient,
        _gradient_cases,
        results=("dw", "db"),
        package=logistic_backward,
    ),
    Exercise(
        "15.4",
        "best_threshold",
        "the threshold with the least cost",
        best_threshold,
        _threshold_cases,
        package=choose_threshold,
    ),
)
