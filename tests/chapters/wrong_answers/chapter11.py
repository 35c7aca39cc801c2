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


def row_conv(x, W, start=0, behind=True, turn=1):
    T = x.shape[1]
    out = np.zeros_like(x)
    for j in range(start, min(len(W), T)):
        weight = W[::turn][j]
        if behind:
            out[:, : T - j] += weight * x[:, j:]
        else:
            out[:, j:] += weight * x[:, : T - j]
    return out


def row_conv_around(x, W):
    return sum(W[j] * np.roll(x, -j, axis=1) for j in range(len(W)))


def row_conv_repeats_the_last_frame(x, W):
    T = x.shape[1]
    x = np.pad(x, ((0, 0), (0, len(W) - 1), (0, 0)), mode="edge")
    return sum(W[j] * x[:, j : j + T] for j in range(len(W)))


def row_conv_cuts_the_frames(x, W):
    T = x.shape[1] - len(W) + 1
    return sum(W[j] * x[:, j : j + T] for j in range(len(W)))


def row_conv_minus_j(x, W):
    out = np.zeros_like(x)
    for j in range(len(W)):
        out[:, :-j] += W[j] * x[:, j:]  # of j = 0 nothing is left
    return out


def row_conv_in_place(x, W):
    T = x.shape[1]
    x *= W[0]
    for j in range(1, min(len(W), T)):
        x[:, : T - j] += x[:, j:] * W[j]
    return x


def row_conv_mixes_utterances(x, W):
    N, T, H = x.shape
    rows = np.concatenate([x.reshape(N * T, H), np.zeros((len(W), H))])
    return sum(W[j] * rows[j : j + N * T] for j in range(len(W))).reshape(N, T, H)


def row_conv_as_it_was(x, W):
    out = np.zeros_like(x)
    for n, t in np.ndindex(x.shape[:2]):
        for j in range(min(len(W), x.shape[1] - t)):
            out[n, t] += W[j] * x[n, t + j]
    return out


def row_conv_one_utterance_and_frame_at_a_time(x, W):
    out = np.zeros_like(x)
    for n, t in np.ndindex(x.shape[:2]):
        ahead = x[n, t : t + len(W)]
        out[n, t] = (ahead * W[: len(ahead)]).sum(axis=0)
    return out


def row_conv_one_frame_at_a_time(x, W):
    out = np.zeros_like(x)
    for t in range(x.shape[1]):
        for j in range(min(len(W), x.shape[1] - t)):
            out[:, t] += W[j] * x[:, t + j]
    return out


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
    "11.4": {
        "W turned round": lambda *g: row_conv(*g, turn=-1),
        "the past, not the future": lambda *g: row_conv(*g, behind=False),
        "the frame itself left out": lambda *g: row_conv(*g, start=1),
        "around the end": row_conv_around,
        "the last frame repeated": row_conv_repeats_the_last_frame,
        "fewer frames": row_conv_cuts_the_frames,
        "a slice up to minus 0": row_conv_minus_j,
        "into its argument": row_conv_in_place,
        "across utterances": row_conv_mixes_utterances,
        "as slow as it was": row_conv_as_it_was,
        "a loop over utterances and frames": row_conv_one_utterance_and_frame_at_a_time,
        "a loop over frames": row_conv_one_frame_at_a_time,
    },
}
