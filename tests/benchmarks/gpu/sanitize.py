"""All kernels on a few small shapes, to run under compute-sanitizer."""

import types

import numpy as np
from kernel_files import kernels_of
from timing import GPU, failed

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import EMA, SGD

CTC_SHAPES = ((1, 1, 2, 0), (2, 5, 3, 1), (3, 40, 29, 12), (2, 30, 300, 140))  # N, T, V, L


def measure(tiny):
    """Run each kernel, and name those that were not run; the sizes are always small."""
    launched, load = set(), kernels.load

    def load_and_note(*given, **options):
        module = load(*given, **options)
        return types.SimpleNamespace(
            get_function=lambda name: launched.add(name) or module.get_function(name)
        )

    kernels.load = load_and_note
    try:
        rng = np.random.default_rng(0)
        run_ctc(rng)
        run_layers(rng)
        run_step(rng)
    finally:
        kernels.load = load
    print(f"kernels: {', '.join(sorted(launched))}")
    for name in sorted(kernel_names() - launched):
        print(f"NOT RUN: {name}")
        failed.append(name)
    print("done")


def kernel_names():
    """Return the names of all kernels, from their sources."""
    return set().union(*(kernels_of(path.stem) for path in kernels.FOLDER.glob("*.cu")))


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
