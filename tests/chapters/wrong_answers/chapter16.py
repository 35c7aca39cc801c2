"""What a reader of chapter 16 may well write instead."""

import numpy as np


def step(a, h, U, low=0, high=20):
    return np.clip(a + h @ U, low, high)


def rnn(x, h, W, U, b, start=None, step=step, after=None):
    """Run a recurrence over a piece, with a mistake."""
    N, T, _ = x.shape
    state, out = h if start is None else start(h), np.empty((N, T, len(U)))
    for t in range(T):
        state = step(x[:, t] @ W + b, state, U)
        out[:, t] = state
    return out, state if after is None else after(out, h)


def recurrent(**mistake):
    return lambda *given: rnn(*given, **mistake)


def rnn_in_place(x, h, W, U, b):
    out = np.empty((*x.shape[:2], len(U)))
    for t in range(x.shape[1]):
        h[...] = step(x[:, t] @ W + b, h, U)
        out[:, t] = h
    return out, h


def rnn_from_views(x, h, W, U, b):
    """Keep the same array for all frames, which then all are the last one."""
    state, out = h.copy(), []
    for t in range(x.shape[1]):
        state[...] = step(x[:, t] @ W + b, state, U)
        out.append(state)
    return np.stack(out, axis=1) if out else np.zeros((*x.shape[:2], len(U))), state


def row(x, kept, W, last, begin=None, end=None, keep=None, order=1, ready=0):
    """Run a row convolution over a piece, with a mistake."""
    tau, H = len(W) - 1, x.shape[2]
    kept = kept if begin is None else begin(kept, tau)
    zeros = np.zeros((len(x), tau + 1, H))
    frames = np.concatenate([kept, x, zeros[:, : (tau if end is None else end(tau)) * last]], 1)
    count = max(frames.shape[1] - tau + ready * (not last), 0)
    padded = np.concatenate([frames, zeros], axis=1)
    out = sum(w * padded[:, j : j + count] for j, w in enumerate(W[::order]))
    if keep:
        return out, keep(frames, x, count, tau, last)
    return out, frames[:, :0] if last else frames[:, count:]


def rows(**mistake):
    return lambda *given: row(*given, **mistake)


def queue(arrivals, costs, most=None, there=lambda a, now: a <= now, wait=1, price=None, idle=True):
    """Serve pieces eagerly, with a mistake."""
    finish, sizes, now, first = np.zeros(len(arrivals)), [], 0.0, 0
    limit = len(costs) if most is None else most
    while first < len(arrivals):
        last = min(first + wait, len(arrivals)) - 1
        if idle:
            now = max(now, arrivals[last])
        size = max(min(int(there(arrivals, now).sum()) - first, limit), 1)
        now += (price or (lambda size: costs[min(size, len(costs)) - 1]))(size)
        finish[first : first + size] = now
        sizes.append(size)
        first += size
    return finish, sizes


def queued(**mistake):
    return lambda *given: queue(*given, **mistake)


def for_each(arrivals, costs):
    """Let each piece of a batch finish after the one before it."""
    finish, sizes = queue(arrivals, costs)
    ends = np.cumsum(sizes)
    for size, end in zip(sizes, ends, strict=True):
        finish[end - size : end] -= costs[size - 1] * np.arange(size)[::-1] / size
    return finish, sizes


def rank(latencies, percent, position, chosen=np.sort):
    """Take the value at a position, kept among those that there are."""
    place = position(percent, len(latencies))
    return chosen(latencies)[int(np.clip(place, 0, len(latencies) - 1))]


def ranked(position, **mistake):
    return lambda latencies, percent: rank(latencies, percent, position, **mistake)


def no_infinity(latencies, percent):
    known = latencies[np.isfinite(latencies)]
    return rank(known, percent, lambda p, n: -(-p * n // 100) - 1)


WRONG = {
    "16.1": {
        "forgets the state": recurrent(start=np.zeros_like),
        "the state before": recurrent(after=lambda out, h: h),
        "the last output, which there may not be": recurrent(after=lambda out, h: out[:, -1]),
        "zeros if there is none": recurrent(
            after=lambda out, h: out[:, -1] if out.shape[1] else np.zeros_like(h)
        ),
        "the first output": recurrent(after=lambda out, h: out[:, 0] if out.shape[1] else h),
        "no ceiling": recurrent(step=lambda a, h, U: step(a, h, U, high=np.inf)),
        "no floor": recurrent(step=lambda a, h, U: step(a, h, U, low=-np.inf)),
        "tanh": recurrent(step=lambda a, h, U: np.tanh(a + h @ U)),
        "U transposed": recurrent(step=lambda a, h, U: step(a, h, U.T)),
        "clips before the sum": recurrent(step=lambda a, h, U: np.clip(a, 0, 20) + h @ U),
        "changes the state that it was given": rnn_in_place,
        "all frames are one array": rnn_from_views,
        "the outputs alone": lambda *given: rnn(*given)[0],
    },
    "16.2": {
        "forgets what was kept": rows(begin=lambda kept, tau: kept[:, :0]),
        "zeros at the beginning": rows(
            begin=lambda kept, tau: kept if kept.size else np.zeros((len(kept), tau, kept.shape[2]))
        ),
        "no zeros at the end": rows(end=lambda tau: 0),
        "a zero too few at the end": rows(end=lambda tau: max(tau - 1, 0)),
        "a zero too many at the end": rows(end=lambda tau: tau + 1),
        "does not wait": rows(ready=1),
        "zeros after each piece": lambda x, kept, W, last: (
            row(x, kept, W, True)[0][:, : x.shape[1]],
            row(x, kept, W, last)[1],
        ),
        "W backwards": rows(order=-1),
        "keeps too much": rows(keep=lambda f, x, n, tau, last: f[:, :0] if last else f[:, n - 1 :]),
        "keeps too little": rows(
            keep=lambda f, x, n, tau, last: f[:, :0] if last else f[:, n + 1 :]
        ),
        "keeps the last tau by a negative index": rows(
            keep=lambda f, x, n, tau, last: f[:, :0] if last else f[:, -tau:]
        ),
        "keeps of the new frames only": rows(
            keep=lambda f, x, n, tau, last: x[:, :0] if last else x[:, max(x.shape[1] - tau, 0) :]
        ),
        "keeps after the last piece": rows(keep=lambda f, x, n, tau, last: f[:, n:]),
        "outputs alone": lambda *given: row(*given)[0],
    },
    "16.3": {
        "one at a time": queued(most=1),
        "no limit": queued(most=10**6),
        "who comes at the moment is not there": queued(there=lambda a, now: a < now),
        "waits for two": queued(wait=2),
        "does not wait for the first": queued(idle=False),
        "the price of one for each": lambda a, costs: queue(
            a, costs, price=lambda size: size * costs[0]
        ),
        "the price of one for all": lambda a, costs: queue(a, costs, price=lambda size: costs[0]),
        "the price of the largest": lambda a, costs: queue(a, costs, price=lambda size: costs[-1]),
        "one after another within a batch": for_each,
        "latencies": lambda a, costs: (queue(a, costs)[0] - a, queue(a, costs)[1]),
        "how many batches": lambda a, costs: (queue(a, costs)[0], len(queue(a, costs)[1])),
        "when each batch ends": lambda a, costs: (
            np.unique(queue(a, costs)[0]),
            queue(a, costs)[1],
        ),
    },
    "16.4": {
        "not sorted": ranked(lambda p, n: -(-p * n // 100) - 1, chosen=lambda x: x),
        "from above": ranked(lambda p, n: -(-p * n // 100) - 1, chosen=lambda x: np.sort(x)[::-1]),
        "rounded down": ranked(lambda p, n: p * n // 100 - 1),
        "one too far": ranked(lambda p, n: -(-p * n // 100)),
        "one too far, rounded down": ranked(lambda p, n: p * n // 100),
        "of n - 1": ranked(lambda p, n: p * (n - 1) // 100),
        "to the nearest": ranked(lambda p, n: round(p * n / 100) - 1),
        "between two": lambda x, p: np.quantile(np.where(np.isfinite(x), x, 1e9), p / 100),
        "the mean": lambda x, p: np.mean(x),
        "the share as a fraction": ranked(lambda p, n: -(-p * n // 10000) - 1),
        "without those that were not answered": no_infinity,
        "strictly below": lambda x, p: next(
            (v for v in np.sort(x) if 100 * (x < v).sum() >= p * len(x)), np.max(x)
        ),
    },
}
