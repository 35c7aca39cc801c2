"""The recurrences alone, without the products of their inputs: two directions of a layer."""

import cupy
import numpy as np
from timing import clock, going_on

from ds2np.layers.gru import gru_backward, gru_forward
from ds2np.layers.rnn import simple_rnn_backward, simple_rnn_forward

KINDS = {"GRU": (gru_forward, gru_backward, 3), "RNN": (simple_rnn_forward, simple_rnn_backward, 1)}
# Kind, utterances, frames, hidden units.
SHAPES = (
    *(("GRU", 64, 350, 512), ("GRU", 64, 350, 256), ("GRU", 16, 250, 512)),
    *(("RNN", 64, 350, 1280), ("RNN", 64, 350, 2048)),
)


def measure(tiny):
    """Print a line for each shape: milliseconds forward and backward, microseconds a frame."""
    for shape in [("GRU", 2, 6, 8), ("RNN", 2, 6, 8)] if tiny else SHAPES:
        with going_on(f"recurrence {shape}"):
            measure_shape(*shape)


def measure_shape(kind, N, T, H):
    """Print the times of both passes."""
    forward, backward, gates = KINDS[kind]
    a = cupy.zeros((2, T, N, gates * H), np.float32)
    U = cupy.full((2, H, gates * H), 1 / H, np.float32)
    h, cache = forward(a, U, cupy.zeros((2, N, H), np.float32))
    steps = lambda: forward(a, U, h[:, 0]), lambda: backward(h, cache)
    times = np.median(clock(*steps, seconds=1), axis=1)
    flop = 2 * 2.0 * N * T * H * gates * H  # of U h, for both directions
    rates = [f"{flop / ms / 1e9:.1f} TFLOP/s, {1000 * ms / T:.1f} us a frame" for ms in times]
    print(
        f"{kind} N {N} T {T} H {H}: forward {times[0]:.2f} ms ({rates[0]}), backward "
        f"{times[1]:.2f} ms ({1000 * times[1] / T:.1f} us a frame)",
        flush=True,
    )
