"""The CTC kernels: speed against PyTorch, error, and reproducibility to the bit."""

import numpy as np
import pytorch
from timing import GPU, clock, going_on, with_range

from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss

# Utterances, frames, symbols, labels.
SHAPES = (
    *((16, 250, 29, 70), (64, 350, 29, 100), (64, 750, 29, 150)),
    *((8, 1500, 29, 400), (32, 350, 4300, 30), (8, 3000, 29, 1200)),
)
CHECKED = 2  # utterances whose gradient is compared with float64


def measure(tiny):
    """Print a line for each shape."""
    for shape in [(2, 20, 5, 4)] if tiny else SHAPES:
        with going_on(f"CTC {shape}"):
            measure_shape(*shape)


def measure_shape(N, T, V, L):
    """Print the times and the largest error of the gradient."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal((N, T, V), np.float32)
    rest = rng.integers(1, V, (N, L)), np.full(N, T), np.full(N, L)
    _, exact = ctc_loss(logits[:CHECKED].astype(np.float64), *(a[:CHECKED] for a in rest))

    def error(gradient):
        return np.abs(gradient[:CHECKED] - exact).max()

    x = GPU(logits)
    loss, gradient = ctc_loss(x, *rest)
    again = ctc_loss(x, *rest)
    same = all((a == b).all() for a, b in zip(again, (loss, gradient), strict=True))
    steps, errors = [lambda: ctc_loss(x, *rest)], [error(to_cpu(gradient))]
    if side := pytorch.find_side():
        steps.append(side.ctc(pytorch.DEVICE, logits, *rest))
        errors.append(error(steps[1]()["gradient"].cpu().numpy()))
    times = clock(*steps, seconds=0.5)
    line = f"N {N} T {T} V {V} L {L}: ours {with_range(times[0])}, error {errors[0]:.1e}"
    if side:
        line += f"; PyTorch {with_range(times[1])}, error {errors[1]:.1e}"
        line += f"; PyTorch / ours {np.median(times[1] / times[0]):.2f}"
    print(line + ("; the same bits twice" if same else "; OTHER BITS THE SECOND TIME"), flush=True)
