"""Solutions of chapter 15, Building a corpus."""

import numpy as np


def trace_back(ones, twos, state):
    """Return the states (T,) of the path that ends in a state."""
    states = []
    for t in reversed(range(len(ones))):
        states.append(state)
        byte, bit = divmod(state, 8)
        one, two = (int(bits[t, byte]) >> (7 - bit) & 1 for bits in (ones, twos))
        state = state - one - 2 * two
    return np.array(states[::-1], int)


def least_lost(points, least, most):
    """Return the fewest seconds that are lost between the first point and the last one."""
    lost = [0.0]
    for j in range(1, len(points)):
        ways = []
        for i in range(j):
            seconds = points[j] - points[i]
            ways.append(lost[i] + (0.0 if least <= seconds <= most else seconds))
        lost.append(min(ways))
    return lost[-1]


def logistic_gradient(x, y, w, b, l2):
    """Return the gradients of the mean cross entropy with a penalty: dw (D,) and db."""
    z = x @ w + b
    p = np.exp(-np.logaddexp(0, -z))
    dz = (p - y) / len(y)
    return dz @ x + l2 * w, dz.sum()


def best_threshold(probability, wrong, cost):
    """Return the smallest threshold, 0 or one of the probabilities, of the least cost."""
    thresholds, totals = sorted({0.0, *probability.tolist()}), []
    for threshold in thresholds:
        kept = probability <= threshold
        totals.append(cost * (kept & wrong).sum() + (~kept & ~wrong).sum())
    return thresholds[np.argmin(totals)]
