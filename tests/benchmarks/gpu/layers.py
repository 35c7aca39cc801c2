"""Bidirectional recurrent layers against cuDNN: forward, and forward with backward."""

from functools import partial

import numpy as np
import pytorch
from timing import GPU, clock, going_on

from ds2np.backend import to_cpu
from ds2np.kernels.products import ON_TENSOR_CORES
from ds2np.layers import GRU, Bidirectional, SimpleRNN

# Kind, utterances, frames, features, hidden units.
SHAPES = (
    *((GRU, 64, 350, 512, 512), (GRU, 64, 350, 256, 256)),
    *((SimpleRNN, 64, 350, 1280, 1280), (GRU, 16, 250, 1312, 512)),
)


def measure(tiny):
    """Print a line for each shape: milliseconds forward, and of both passes."""
    for kind, *sizes in [(GRU, 2, 6, 8, 8)] if tiny else SHAPES:
        with going_on(f"{kind.__name__} {sizes}"):
            measure_layer(kind, *sizes)


def measure_layer(kind, N, T, D, H):
    """Print the times of one layer."""
    rng = np.random.default_rng(0)
    layer = Bidirectional(kind, D, H, rng, share_input=False, batchnorm=False, activation="tanh")
    x, dout = (rng.standard_normal((N, T, size), np.float32) for size in (D, H))
    inputs, recurrences = np.split(layer.params["W"], 2, axis=1), layer.params["U"]
    layer.move(GPU)
    forward = partial(layer.forward, GPU(x), np.full(N, T))
    upstream = GPU(dout)

    def both():
        forward()
        layer.backward(upstream)

    line = f"{kind.__name__} N {N} T {T} D {D} H {H}: ours {_times(forward, both)}"
    for precision in ON_TENSOR_CORES:
        layer.set_precision(precision)
        line += f", in {precision} {_times(forward, both)}"
    layer.set_precision("float32")
    if side := pytorch.find_side():
        name = "GRU" if kind is GRU else "RNN"
        their_forward = pytorch.recurrent_forward(name, x, H)
        their_both = side.recurrent(pytorch.DEVICE, x, inputs, recurrences, dout)
        expected = their_both()["output"].detach().cpu().numpy()
        difference = np.abs(to_cpu(forward()) - expected).max()
        line += f"; PyTorch {_times(their_forward, their_both)}, difference {difference:.1e}"
        with pytorch.tf32():
            line += f"; with TF32 {_times(their_forward, their_both)}"
        pytorch.release_memory()
    print(line, flush=True)


def _times(*steps):
    return " / ".join(f"{row:.1f}" for row in np.median(clock(*steps, seconds=1), axis=1)) + " ms"
