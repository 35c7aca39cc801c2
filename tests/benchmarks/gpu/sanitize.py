"""All kernels on a few small shapes, to run under compute-sanitizer."""

import itertools
import types

import numpy as np
from kernel_files import kernels_of
from timing import GPU, failed

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.kernels.products import TRAINING, product
from ds2np.kernels.recurrent import plan_here, recurrent_backward, recurrent_forward
from ds2np.kernels.small_product import round_to_half
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import EMA, SGD

CTC_SHAPES = ((1, 1, 2, 0), (2, 5, 3, 1), (3, 40, 29, 12), (2, 30, 300, 140))  # N, T, V, L


def measure(tiny):
    """Run each kernel, and name those that were not run; the sizes are always small."""
    launched, load = set(), kernels.load

    def load_and_note(file, *given, **options):
        module = load(file, *given, **options)
        return types.SimpleNamespace(
            get_function=lambda name: launched.add((file, name)) or module.get_function(name)
        )

    kernels.load = load_and_note
    try:
        rng = np.random.default_rng(0)
        run_ctc(rng)
        run_layers(rng)
        run_recurrences(rng)
        run_products(rng)
        run_step(rng)
    finally:
        kernels.load = load
    print(f"kernels: {', '.join(sorted(map('.'.join, launched)))}")
    for name in sorted(map(".".join, all_kernels() - launched)):
        print(f"NOT RUN: {name}")
        failed.append(name)
    print("done")


def all_kernels():
    """Return the file, without ".cu", and the name of each kernel, from their sources."""
    files = [path.stem for path in kernels.FOLDER.glob("*.cu")]
    return {(file, name) for file in files for name in kernels_of(file)}


def kernel_names():
    """Return the names of all kernels; two files may have one of the same name."""
    return {name for _, name in all_kernels()}


def run_ctc(rng):
    """Run the loss of short, long and empty transcripts."""
    for N, T, V, L in CTC_SHAPES:
        lengths = np.full(N, T)
        lengths[-1] = T // 2
        logits, labels = rng.standard_normal((N, T, V), np.float32), rng.integers(1, V, (N, L))
        for result in ctc_loss(GPU(logits), labels, lengths, np.minimum(L, lengths // 3)):
            to_cpu(result)


def run_layers(rng):
    """Run both passes of each layer of the gradient checks."""
    for case in CASES:
        layer = case.layer(np.float32)
        layer.move(GPU)
        out = layer.forward(GPU(case.x(rng, np.float32)), LENGTHS)
        to_cpu(layer.backward(GPU(rng.standard_normal(out.shape, np.float32))))


def run_recurrences(rng):
    """Run both passes of both kinds of recurrent layers, in each way that this GPU has."""
    N, T, H = 9, 5, 33
    for gates, precision in itertools.product((1, 3), (None, "float32", "bf16x3")):
        a, dout, U = (
            GPU(rng.standard_normal(shape, np.float32))
            for shape in ((N, T, 2, gates * H), (N, T, H), (2, H, gates * H))
        )
        plan = precision and plan_here(a, H, gates, 2, N, precision)
        lengths = np.arange(N) % T + 1
        _, run = recurrent_forward(a, U, None, lengths, "tanh", "sum", plan)
        for gradient in recurrent_backward(dout, run):
            to_cpu(gradient)


def run_products(rng):
    """Run products in all precisions; of eight rows with weights of 16 bits, the kernel's own."""
    for D, H in ((1, 1), (300, 65), (2050, 64)):
        x, W = (GPU(rng.standard_normal(shape, np.float32)) for shape in ((8, D), (D, H)))
        for precision in TRAINING:
            to_cpu(product(x, W, precision))
        for rows in (1, 3, 8):
            to_cpu(product(x[:rows], round_to_half(W, "W")))


def run_step(rng):
    """Run a training step with its update."""
    model = DeepSpeech2(preset("tiny"))
    model.move(GPU)
    x, lengths = rng.standard_normal((3, 60, model.config.features), np.float32), [60, 41, 7]
    optimiser, ema = SGD(model.params, model.grads, 1e-3, max_norm=1), EMA(model.params, 0.9)
    logits, out_lengths = model.forward(x, np.array(lengths))
    _, dlogits = ctc_loss(logits, rng.integers(1, 29, (3, 2)), out_lengths, np.array([2, 2, 1]))
    model.backward(dlogits)
    optimiser.step()
    ema.update(1)
    GPU.wait()
