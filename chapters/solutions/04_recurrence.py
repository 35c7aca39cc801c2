"""Solutions of chapter 04, Recurrence."""

import numpy as np


def simple_rnn_forward(a, U, h0):
    """Run the simple recurrence: (B, T, N, H), (B, H, H), (B, N, H) -> (B, T, N, H)."""
    h = np.empty_like(a)
    state = h0
    for t in range(a.shape[1]):
        # @ multiplies the (N, H) states of each direction by that direction's own (H, H) weights.
        state = np.clip(a[:, t] + state @ U, 0, 20)
        h[:, t] = state
    return h


def simple_rnn_backward(dh, h, h0, U):
    """Run it backward: returns da (B, T, N, H), dU (B, H, H) and dh0 (B, N, H)."""
    da, dU = np.empty_like(h), np.zeros_like(U)
    U_T = U.swapaxes(1, 2)  # U.T would turn the directions as well
    slope = (h > 0) & (h < 20)
    carry = np.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        da[:, t] = (dh[:, t] + carry) * slope[:, t]
        before = h[:, t - 1] if t > 0 else h0
        dU += before.swapaxes(1, 2) @ da[:, t]  # (B, H, N) @ (B, N, H): the sum over utterances
        carry = da[:, t] @ U_T
    return da, dU, carry


def gru_forward(a, U, h0):
    """Run the gated recurrence: (B, T, N, 3H), (B, H, 3H), (B, N, H) -> (B, T, N, H)."""
    B, T, N, GH = a.shape
    H = GH // 3
    h = np.empty((B, T, N, H), a.dtype)
    state = h0
    for t in range(T):
        g = state @ U  # (B, N, 3H)
        # sigma(x) = (1 + tanh(x / 2)) / 2, which cannot overflow
        gates = 0.5 * (1 + np.tanh(0.5 * (a[:, t, :, : 2 * H] + g[..., : 2 * H])))
        z, r = gates[..., :H], gates[..., H:]
        c = np.tanh(a[:, t, :, 2 * H :] + r * g[..., 2 * H :])
        state = (1 - z) * state + z * c
        h[:, t] = state
    return h


def reverse_sequences(x, lengths):
    """Turn each utterance around within its own length: (T, N, ...), (N,) -> (T, N, ...)."""
    out = x.copy()
    for n, length in enumerate(lengths):
        out[:length, n] = x[:length, n][::-1]
    return out


def gru_backward(dh, h, h0, gates, U):
    """Run it backward: returns da (B, T, N, 3H), dU (B, H, 3H) and dh0 (B, N, H)."""
    H = h.shape[3]
    da, dU = np.empty_like(gates), np.zeros_like(U)
    U_T = U.swapaxes(1, 2)
    carry = np.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        z, r, c = np.split(gates[:, t], 3, axis=2)
        before = h[:, t - 1] if t > 0 else h0
        g = dh[:, t] + carry
        daz = g * (c - before) * z * (1 - z)
        dac = g * z * (1 - c * c)
        dar = dac * (before @ U[..., 2 * H :]) * r * (1 - r)
        da[:, t] = np.concatenate([daz, dar, dac], axis=2)
        dproduct = np.concatenate([daz, dar, dac * r], axis=2)  # of before @ U, all three blocks
        dU += before.swapaxes(1, 2) @ dproduct
        carry = g * (1 - z) + dproduct @ U_T
    return da, dU, carry
