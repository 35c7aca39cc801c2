"""Solutions of chapter 11, Making it fast."""

import numpy as np


def recurrent_multiply_adds(N, T, D, H, gates, directions, shared):
    """Count the multiplications with W and U of a forward pass."""
    inputs = 1 if shared else directions  # how many matrices W there are
    of_a_frame = inputs * D * gates * H + directions * H * gates * H
    return N * T * of_a_frame


def attainable_rate(rows, inner, columns, peak, bandwidth, bytes_per_number=4):
    """Return flop a second for (rows, inner) @ (inner, columns)."""
    flop = 2 * rows * inner * columns  # a multiplication and an addition each
    numbers = rows * inner + inner * columns + rows * columns  # two are read, one is written
    intensity = flop / (bytes_per_number * numbers)
    return min(peak, bandwidth * intensity)


def recurrent_weight_gradient(h, h0, dg):
    """Sum h_{t-1}^T dg_t: (B, T, N, H), (B, N, H), (B, T, N, GH) -> (B, H, GH)."""
    B, T, N, H = h.shape
    # The state before each frame: h0, then all states but the last; as many as there are frames.
    before = np.concatenate([h0[:, None], h], axis=1)[:, :T]  # (B, T, N, H)
    rows = before.reshape(B, T * N, H)
    return rows.swapaxes(1, 2) @ dg.reshape(B, T * N, dg.shape[-1])


def fast_row_conv(x, W):
    """Sum each frame and the next ones, weighted: (N, T, H), (tau + 1, H) -> (N, T, H)."""
    T = x.shape[1]
    out = x * W[0]
    for j in range(1, min(len(W), T)):  # a few weights, whatever the number of frames
        out[:, : T - j] += x[:, j:] * W[j]
    return out
