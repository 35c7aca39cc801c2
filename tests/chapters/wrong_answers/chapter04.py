"""What a reader of chapter 04 may well write instead."""

import numpy as np


def rnn_forward(a, U, h0, clip=lambda x: np.clip(x, 0, 20), turn=False, first=None, whole=True):
    h = np.empty_like(a)
    state = np.zeros_like(h0) if first == "zeros" else h0
    weights = U.swapaxes(1, 2) if turn else U
    for t in range(a.shape[1]):
        total = a[:, t] + state @ weights
        h[:, t] = clip(total)
        state = h[:, t] if whole else total
    return h


def rnn_backward(dh, h, h0, U, carried=True, turned=True, slope="both", now=False):
    da, dU = np.empty_like(h), np.zeros_like(U)
    carry = np.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        total = dh[:, t] + carry if carried else dh[:, t]
        passes = (h[:, t] > 0) & ((h[:, t] < 20) if slope == "both" else True)
        da[:, t] = total * (passes if slope else 1)
        before = h[:, t - 1] if t else h0
        dU += (h[:, t] if now else before).swapaxes(1, 2) @ da[:, t]
        carry = da[:, t] @ (U.swapaxes(1, 2) if turned else U)
    return da, dU, carry


def carries_dh_only(dh, h, h0, U):
    da, dU, _ = rnn_backward(dh, h, h0, U)
    return da, dU, da[:, 0]  # without U; with no frame, this raises


def forgets_h0(dh, h, h0, U):
    da, dU, carry = rnn_backward(dh, h, h0, U)
    if h.shape[1]:
        dU = dU - h0.swapaxes(1, 2) @ da[:, 0]
    return da, dU, carry


def gru(a, U, h0, swapped=False, reset_before=False, order="zrc", gate=None):
    B, T, N, GH = a.shape
    H = GH // 3
    sigma = gate or (lambda x: 0.5 * (1 + np.tanh(0.5 * x)))
    h = np.empty((B, T, N, H))
    state = h0
    block = {name: slice(i * H, (i + 1) * H) for i, name in enumerate(order)}
    for t in range(T):
        g = state @ U
        z = sigma(a[:, t, :, block["z"]] + g[..., block["z"]])
        r = sigma(a[:, t, :, block["r"]] + g[..., block["r"]])
        Uh = (r * state) @ U[..., block["c"]] if reset_before else r * g[..., block["c"]]
        c = np.tanh(a[:, t, :, block["c"]] + Uh)
        state = z * state + (1 - z) * c if swapped else (1 - z) * state + z * c
        h[:, t] = state
    return h


def gru_backward(dh, h, h0, gates, U, leave=()):
    """Go back; what `leave` names is forgotten."""
    H = h.shape[3]
    da, dU = np.empty_like(gates), np.zeros_like(U)
    carry = np.zeros_like(h0)
    for t in reversed(range(h.shape[1])):
        z, r, c = np.split(gates[:, t], 3, axis=2)
        before = h[:, t - 1] if t > 0 else (0 * h0 if "h0" in leave else h0)
        g = dh[:, t] + (0 if "carry" in leave else carry)
        daz = (
            g
            * (c if "before" in leave else c - before)
            * (z * (1 - z) if "slope" not in leave else 1)
        )
        dac = g * (1 if "z" in leave else z) * (1 if "tanh" in leave else 1 - c * c)
        heard = before @ U[..., 2 * H :]
        dar = dac * (before if "product" in leave else heard) * r * (1 - r)
        if "swap" in leave:
            daz = -daz
        da[:, t] = np.concatenate([daz, dar, dac], axis=2)
        dproduct = np.concatenate([daz, dar, dac if "reset" in leave else dac * r], axis=2)
        dU += (h[:, t] if "now" in leave else before).swapaxes(1, 2) @ dproduct
        along = 0 if "top" in leave else g * (z if "swap" in leave else 1 - z)
        carry = along + (0 if "U" in leave else dproduct @ U.swapaxes(1, 2))
    return da, dU, carry


def without(*names):
    return lambda *given: gru_backward(*given, leave=names)


def sum_of_directions(*given):
    da, dU, carry = gru_backward(*given)
    return da, np.broadcast_to(dU.sum(axis=0), dU.shape), carry


def order_rzc(*given):
    da, dU, carry = gru_backward(*given)
    H = carry.shape[2]
    turned = np.concatenate([da[..., H : 2 * H], da[..., :H], da[..., 2 * H :]], axis=3)
    return turned, dU, carry


def unstable(x):
    return np.exp(x) / (1 + np.exp(x))


def turn_all(x, lengths):
    return x[::-1].copy()


def turn_and_leave_zeros(x, lengths):
    out = np.zeros_like(x)
    for n, length in enumerate(lengths):
        out[:length, n] = x[:length, n][::-1]
    return out


def turn_in_place(x, lengths):
    for n, length in enumerate(lengths):
        x[:length, n] = x[:length, n][::-1].copy()
    return x


def stop_before_first(x, lengths):
    out = x.copy()
    for n, length in enumerate(lengths):
        out[:length, n] = x[length - 1 : 0 : -1, n]
    return out


WRONG = {
    "04.1": {
        "no ceiling": lambda a, U, h0: rnn_forward(a, U, h0, lambda x: np.maximum(x, 0)),
        "no floor": lambda a, U, h0: rnn_forward(a, U, h0, lambda x: np.minimum(x, 20)),
        "U turned, as if states were columns": lambda a, U, h0: rnn_forward(a, U, h0, turn=True),
        "starts from zeros": lambda a, U, h0: rnn_forward(a, U, h0, first="zeros"),
        "hands on what is not clipped": lambda a, U, h0: rnn_forward(a, U, h0, whole=False),
    },
    "04.2": {
        "has the ceiling at 5": lambda dh, h, h0, U: rnn_backward(
            dh, np.where(h < 5, h, 20.0), h0, U
        ),
        "lets the gradient through at 0": lambda dh, h, h0, U: rnn_backward(
            dh, h, h0, U, slope=None
        ),
        "nothing is carried": lambda *given: rnn_backward(*given, carried=False),
        "U not turned": lambda *given: rnn_backward(*given, turned=False),
        "no slope": lambda *given: rnn_backward(*given, slope=None),
        "the slope forgets the ceiling": lambda *given: rnn_backward(*given, slope="floor"),
        "dU from the state of the same frame": lambda *given: rnn_backward(*given, now=True),
        "dh0 without U": carries_dh_only,
        "the first frame's part of dU is missing": forgets_h0,
    },
    "04.3": {
        "z and 1 - z swapped": lambda *given: gru(*given, swapped=True),
        "reset before the product": lambda *given: gru(*given, reset_before=True),
        "r and z swapped": lambda *given: gru(*given, order="rzc"),
        "sigma overflows": lambda *given: gru(*given, gate=unstable),
    },
    "04.5": {
        "nothing is carried": without("carry"),
        "the way along the top is forgotten": without("top"),
        "nothing is carried through U": without("U"),
        "the reset gate is forgotten in the product's gradient": without("reset"),
        "the reset gate's gradient takes the state, not the product": without("product"),
        "dz without the state before": without("before"),
        "no slope of the sigma": without("slope"),
        "no slope of the tanh": without("tanh"),
        "dc without z": without("z"),
        "z keeps the old state": without("swap"),
        "dU from the state of the same frame": without("now"),
        "the first frame's part of dU is missing": without("h0"),
        "dU summed over directions": sum_of_directions,
        "z and r swapped in the result": order_rzc,
    },
    "04.4": {
        "the padding is turned, too": turn_all,
        "the padding becomes 0": turn_and_leave_zeros,
        "changes its argument": turn_in_place,
        "loses the first frame": stop_before_first,
    },
}
