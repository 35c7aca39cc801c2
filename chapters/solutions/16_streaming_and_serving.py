"""Solutions of chapter 16, Streaming and serving."""

import numpy as np


def rnn_piece(x, h, W, U, b):
    """Return the states (N, T, H) of a piece and the state (N, H) after it."""
    N, T, _ = x.shape
    out = np.empty((N, T, len(U)))
    for t in range(T):
        h = np.clip(x[:, t] @ W + b + h @ U, 0, 20)
        out[:, t] = h
    return out, h


def row_conv_piece(x, kept, W, last):
    """Return the frames that can be computed now, and those that have to be kept."""
    (N, _, H), tau = x.shape, len(W) - 1
    frames = np.concatenate([kept, x], axis=1)
    if last:
        frames = np.concatenate([frames, np.zeros((N, tau, H))], axis=1)
    ready = max(frames.shape[1] - tau, 0)
    out = np.zeros((N, ready, H))
    for j in range(tau + 1):
        out += W[j] * frames[:, j : j + ready]
    return out, frames[:, :0] if last else frames[:, ready:]


def eager_queue(arrivals, costs):
    """Return when each piece is finished, (n,), and a list of the batches' sizes."""
    finish, sizes, now = [], [], 0.0
    for first in range(len(arrivals)):
        if first < len(finish):  # it went with those before it
            continue
        now = max(now, arrivals[first])
        size = min(int((arrivals <= now).sum()) - first, len(costs))
        now += costs[size - 1]
        finish += [now] * size
        sizes.append(size)
    return np.array(finish), sizes


def percentile(latencies, percent):
    """Return the smallest latency that at least percent % of all do not exceed."""
    rank = -(-percent * len(latencies) // 100)  # rounded up
    return np.sort(latencies)[max(rank - 1, 0)]
