"""What a reader of chapter 11 may well write instead."""

import numpy as np


def count(N, T, D, H, gates, directions, shared, of_W=None, of_U=None, times=1):
    inputs = 1 if shared else directions
    of_W = inputs * gates if of_W is None else of_W(inputs, gates, directions)
    of_U = directions * gates if of_U is None else of_U(inputs, gates, directions)
    return times * N * T * (of_W * D * H + of_U * H * H)


def rate(rows, inner, columns, peak, bandwidth, size=4, flop=2, result=True, choose=min):
    numbers = rows * inner + inner * columns + (rows * columns if result else 0)
    return choose(peak, bandwidth * flop * rows * inner * columns / (size * numbers))


def gradient(h, h0, dg, same=False, first=True):
    B, T, N, H = h.shape
    before = h if same else np.concatenate([h0[:, None] * first, h], axis=1)[:, :T]
    return before.reshape(B, T * N, H).swapaxes(1, 2) @ dg.reshape(B, T * N, -1 if T else dg.size)


def mixes_directions(h, h0, dg):
    B, T, _, H = h.shape
    before = np.concatenate([h0[:, None], h], axis=1)[:, :T]
    dU = before.reshape(-1, H).T @ dg.reshape(-1, dg.shape[-1])
    return np.stack([dU] * B)


def rolls_into_the_first_frame(h, h0, dg):
    B, T, N, H = h.shape
    before = np.roll(h, 1, axis=1)
    return before.reshape(B, T * N, H).swapaxes(1, 2) @ dg.reshape(B, T * N, dg.shape[-1])


WRONG = {
    "11.1": {
        "only one gate": lambda *g: count(*g, of_W=lambda i, g, d: i, of_U=lambda i, g, d: d),
        "U has no gates": lambda *g: count(*g, of_U=lambda i, g, d: d),
        "a W for each direction, shared or not": lambda *g: count(*g, of_W=lambda i, g, d: d * g),
        "U counted once for both directions": lambda *g: count(*g, of_U=lambda i, g, d: g),
        "flop, not multiply-adds": lambda *g: count(*g, times=2),
        "one utterance": lambda N, *g: count(1, *g),
    },
    "11.2": {
        "the result is not moved": lambda *g: rate(*g, result=False),
        "multiply-adds, not flop": lambda *g: rate(*g, flop=1),
        "the higher roof": lambda *g: rate(*g, choose=max),
        "always four bytes": lambda *g: rate(*g[:5]),
        "no peak": lambda *g: rate(*g, choose=lambda peak, other: other),
    },
    "11.3": {
        "the state of the same frame": lambda *g: gradient(*g, same=True),
        "h0 forgotten": lambda *g: gradient(*g, first=False),
        "all directions added up": mixes_directions,
        "the last state in place of h0": rolls_into_the_first_frame,
    },
}
