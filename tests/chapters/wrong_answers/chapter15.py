"""What a reader of chapter 15 may well write instead."""

import numpy as np


def trace(ones, twos, state, order=lambda bit: 7 - bit, weights=(1, 2), late=False, turn=True):
    """Follow back-pointers, with a mistake."""
    states = []
    for t in reversed(range(len(ones))):
        if not late:
            states.append(state)
        byte, bit = divmod(state, 8)
        one, two = (int(bits[t, byte]) >> order(bit) & 1 for bits in (ones, twos))
        state = state - weights[0] * one - weights[1] * two
        if late:
            states.append(state)
    return np.array(states[::-1] if turn else states, int)


def tracing(**mistake):
    return lambda *given: trace(*given, **mistake)


def trace_from_the_last_state(ones, twos, state):
    return trace(ones, twos, 8 * ones.shape[1] - 1)


def greedy_cuts(points, least, most):
    """Take the longest piece that fits, again and again."""
    lost, i = 0.0, 0
    while i < len(points) - 1:
        fits = [j for j in range(i + 1, len(points)) if least <= points[j] - points[i] <= most]
        j = max(fits) if fits else i + 1
        lost += 0.0 if fits else points[j] - points[i]
        i = j
    return lost


def lost(points, least, most, fits=lambda s, a, b: a <= s <= b, loss=lambda s: s, start=0):
    """Find the least loss, with a mistake."""
    best = [0.0]
    for j in range(1, len(points)):
        ways = []
        for i in range(start if start < j else 0, j):
            s = points[j] - points[i]
            ways.append(best[i] + (0.0 if fits(s, least, most) else loss(s)))
        best.append(min(ways))
    return best[-1]


def losing(**mistake):
    return lambda *given: lost(*given, **mistake)


def never_together(points, least, most):
    seconds = np.diff(points)
    return float(seconds[(seconds < least) | (seconds > most)].sum())


def gradient(x, y, w, b, l2, sign=1, mean=True, penalty=1.0, of_b=False, p=None):
    """Compute the gradient, with a mistake."""
    with np.errstate(all="ignore"):
        z = x @ w + b
        probability = 1 / (1 + np.exp(-z)) if p is None else p(z)
        dz = sign * (probability - y) / (len(y) if mean else 1)
        return dz @ x + penalty * l2 * w, dz.sum() + (l2 * b if of_b else 0)


def descending(**mistake):
    return lambda *given: gradient(*given, **mistake)


def threshold(probability, wrong, cost, kept=np.less_equal, price=None, last=False, zero=True):
    """Find a threshold, with a mistake."""
    candidates = sorted({*([0.0] if zero else []), *probability.tolist()})
    costs = []
    for c in candidates:
        keep = kept(probability, c)
        a, b = (cost, 1) if price is None else price(cost)
        costs.append(a * (keep & wrong).sum() + b * (~keep & ~wrong).sum())
    costs = np.array(costs)
    places = np.flatnonzero(costs == costs.min())
    return candidates[places[-1 if last else 0]]


def choosing(**mistake):
    return lambda *given: threshold(*given, **mistake)


def bayes(probability, wrong, cost):
    """Trust the probabilities instead of counting."""
    return 1 / (1 + cost)


WRONG = {
    "15.1": {
        "bits from the right": tracing(order=lambda bit: bit),
        "the second bit counts once": tracing(weights=(1, 1)),
        "bits exchanged": tracing(weights=(2, 1)),
        "forward": tracing(weights=(-1, -2), turn=False),
        "one frame late": tracing(late=True),
        "from the end to the beginning": tracing(turn=False),
        "from the last state": trace_from_the_last_state,
    },
    "15.2": {
        "the longest that fits": greedy_cuts,
        "each piece alone": never_together,
        "only the longest length": losing(fits=lambda s, a, b: s <= b),
        "only the shortest length": losing(fits=lambda s, a, b: s >= a),
        "below the longest": losing(fits=lambda s, a, b: a <= s < b),
        "above the shortest": losing(fits=lambda s, a, b: a < s <= b),
        "counted, not measured": losing(loss=lambda s: 1.0),
        "the first is never together": losing(start=1),
    },
    "15.3": {
        "the other sign": descending(sign=-1),
        "the sum": descending(mean=False),
        "no penalty": descending(penalty=0.0),
        "twice the penalty": descending(penalty=2.0),
        "b has a penalty, too": descending(of_b=True),
        "scores for probabilities": descending(p=lambda z: z),
        "the derivative of a square": descending(p=lambda z: 2 / (1 + np.exp(-z))),
        "tanh": descending(p=np.tanh),
    },
    "15.4": {
        "the threshold itself is left out": choosing(kept=np.less),
        "the largest": choosing(last=True),
        "without 0": choosing(zero=False),
        "costs exchanged": choosing(price=lambda cost: (1, cost)),
        "all errors alike": choosing(price=lambda cost: (1, 1)),
        "Bayes": bayes,
        "the middle": lambda probability, wrong, cost: 0.5,
    },
}
