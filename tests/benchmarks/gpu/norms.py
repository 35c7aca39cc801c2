"""Batch normalisation with padding: how fast it reads and writes memory."""

import numpy as np
from timing import GPU, clock, going_on

from ds2np.layers import SeqBatchNorm

# Axes of the layer's input: (utterances, frames, features), or channels as images have them.
SHAPES = ((64, 350, 1024), (64, 350, 1280), (64, 32, 350, 81), (64, 32, 350, 41))
# Passes over memory, at least: x for mean and variance, x again, the output; backward dout and x
# for both sums, both again, dx.
PASSES = 3, 5


def measure(tiny):
    """Print a line for each shape: milliseconds and terabytes a second of both passes."""
    for shape in [(2, 5, 6), (2, 3, 5, 6)] if tiny else SHAPES:
        with going_on(f"batch norm {shape}"):
            measure_shape(shape)


def measure_shape(shape):
    """Print the times and rates of both passes in training mode; a tenth of the rows is padding."""
    time_axis = len(shape) // 2
    N, T, channels = shape[0], shape[time_axis], shape[-1 if time_axis == 1 else 1]
    layer = SeqBatchNorm(channels, time_axis=time_axis)
    layer.move(GPU)
    x = GPU(np.random.default_rng(0).standard_normal(shape, np.float32))
    lengths = np.linspace(0.8 * T, T, N).astype(int)
    steps = lambda: layer.forward(x, lengths), lambda: backward(layer, x, lengths)
    together, alone = np.median(clock(*reversed(steps), seconds=0.5), axis=1)
    rates = [
        f"{ms:.2f} ms, {passes * x.nbytes / ms / 1e9:.2f} TB/s"
        for ms, passes in zip((alone, together - alone), PASSES, strict=True)
    ]
    print(f"batch norm {shape}: forward {rates[0]}; backward {rates[1]}", flush=True)


def backward(layer, x, lengths):
    """Run both passes, as a backward pass needs a forward pass of its own."""
    layer.backward(layer.forward(x, lengths))
