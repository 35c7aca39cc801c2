"""The recurrences alone, without the products of their inputs: two directions of a layer."""

import cupy
import numpy as np
from timing import clock, going_on

from ds2np.kernels.recurrent import plan_here, recurrent_backward, recurrent_forward

GATES = {"GRU": 3, "RNN": 1}
# Kind, utterances, frames, hidden units.
SHAPES = (
    *(("GRU", 64, 350, 512), ("GRU", 64, 350, 256), ("GRU", 16, 250, 512)),
    *(("RNN", 64, 350, 1280), ("RNN", 64, 350, 2048)),
)
WAYS = "float32", "bf16x3", "frame by frame"


def measure(tiny):
    """Print a line for each shape and way: milliseconds of both passes, microseconds a frame."""
    for shape in [("GRU", 2, 6, 8), ("RNN", 2, 6, 8)] if tiny else SHAPES:
        for way in WAYS:
            with going_on(f"recurrence {shape}, {way}"):
                measure_shape(*shape, way)


def measure_shape(kind, N, T, H, way):
    """Print the times of both passes; the backward pass includes the gradient of the weights."""
    gates, precision = GATES[kind], "bf16x3" if way == "bf16x3" else "float32"
    a, dout = cupy.zeros((N, T, 2, gates * H), np.float32), cupy.ones((N, T, H), np.float32)
    U, lengths = cupy.full((2, H, gates * H), 1 / H, np.float32), np.full(N, T)
    plan = None if way == WAYS[-1] else plan_here(a, H, gates, 2, N, precision)
    if way != WAYS[-1] and (plan is None or plan.tensor != (precision == "bf16x3")):
        print(f"{kind} N {N} T {T} H {H}, {way}: the weights do not fit", flush=True)
        return
    given = a, U, None, lengths, "tanh", "sum", plan
    run = recurrent_forward(*given)[1]
    steps = lambda: recurrent_forward(*given), lambda: recurrent_backward(dout, run, precision)
    times = np.median(clock(*steps, seconds=1), axis=1)
    flop = 2 * 2.0 * N * T * H * gates * H  # of U h, for both directions
    rates = [f"{flop / ms / 1e9:.1f} TFLOP/s, {1000 * ms / T:.1f} us a frame" for ms in times]
    print(
        f"{kind} N {N} T {T} H {H}, {way}: forward {times[0]:.2f} ms ({rates[0]}), backward "
        f"{times[1]:.2f} ms ({1000 * times[1] / T:.1f} us a frame)",
        flush=True,
    )
