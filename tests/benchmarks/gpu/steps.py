"""Training steps against PyTorch, and the share of each layer."""

import dataclasses
import itertools
import time
from collections import Counter

import cupy
import numpy as np
import pytorch
from micro import product_rate
from timing import GPU, clock, going_on, with_range

from ds2np.bench.items import CHARACTERS, FRAMES, training_step
from ds2np.data.batches import Batch
from ds2np.kernels.products import ON_TENSOR_CORES
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import EMA, SGD
from ds2np.train.config import TrainingConfig
from ds2np.train.step import add_gradients

# Preset, utterances, seconds of each.
SHAPES = (("small", 16, 5), ("small", 64, 7), ("base", 64, 7), ("paper-9-7", 64, 7))
TRAINING = TrainingConfig(learning_rate=1e-5)  # small: on noise, a larger one could diverge
NAMED = 16  # the slowest passes, which are printed by name


def measure(tiny):
    """Print the steps of each shape, ours and PyTorch's."""
    ceiling = product_rate(np.float32, 128 if tiny else 8192)
    for shape in [("small", 2, 0.6)] if tiny else SHAPES:
        with going_on(f"step {shape}"):
            measure_ours(*shape, ceiling)
        with going_on(f"PyTorch's step {shape}"):
            measure_torch(*shape)


def make_batch(config, N, seconds):
    """Draw a minibatch; as in a corpus, nearly all utterances are shorter than the longest."""
    rng = np.random.default_rng(0)
    T, L = round(FRAMES * seconds), round(CHARACTERS * seconds)
    lengths = np.full(N, T)
    lengths[1:] -= rng.integers(1, max(2, T // 20), N - 1)
    x = rng.standard_normal((N, T, config.features), np.float32)
    labels = rng.integers(1, len(config.alphabet()), (N, L))
    return Batch(np.arange(N), x, lengths, labels, np.full(N, L))


def measure_ours(name, N, seconds, ceiling):
    """Print the time of a step, its share of the rate of large products, and its parts."""
    model = DeepSpeech2(preset(name))
    model.move(GPU)
    model.set_training(True)
    optimiser = SGD(
        model.params, model.grads, TRAINING.learning_rate, TRAINING.momentum, TRAINING.max_norm
    )
    ema, steps = EMA(model.params, TRAINING.ema), itertools.count(1)
    batch = make_batch(model.config, N, seconds)
    batch = dataclasses.replace(batch, x=GPU(batch.x))  # as on PyTorch's side

    def step():
        model.zero_grads()
        loss = add_gradients(model, batch, 1 / N)
        optimiser.step(ema, next(steps))
        return loss

    GPU.wait()
    began = time.perf_counter()
    loss = float(step().mean())
    GPU.wait()
    first = time.perf_counter() - began
    times = clock(step, seconds=1.5, most=20)[0]
    rate = training_step(GPU, N, seconds, name).flop / np.median(times) / 1e9  # TFLOP/s
    memory = cupy.get_default_memory_pool().total_bytes() / 1e9
    print(
        f"{name}, {N} x {seconds} s: ours {with_range(times)}, the first {first:.1f} s; loss "
        f"{loss:.1f}, {memory:.2f} GB, {1000 * N * seconds / np.median(times):.0f} s of sound a "
        f"second, {rate:.1f} TFLOP/s, {rate / ceiling:.0%} of large products",
        flush=True,
    )
    print_shares(model, step)
    for precision in ON_TENSOR_CORES:
        model.set_precision(precision)
        print(f"  in {precision} {with_range(clock(step, most=20)[0])}", flush=True)


def print_shares(model, step):
    """Print each layer's time in a step; with a wait after each, their sum exceeds the step."""
    spent = Counter()

    def timed(function, name):
        def run(*arguments):
            GPU.wait()
            began = time.perf_counter()
            out = function(*arguments)
            GPU.wait()
            spent[name] += 1000 * (time.perf_counter() - began)
            return out

        return run

    layers = model.sublayers
    for name, layer in layers.items():
        layer.forward = timed(layer.forward, f"{name} forward")
        layer.backward = timed(layer.backward, f"{name} backward")
    try:
        began = time.perf_counter()
        step()
        GPU.wait()
        whole = 1000 * (time.perf_counter() - began)
    finally:
        for layer in layers.values():
            del layer.forward, layer.backward  # restores those of the class
    rows = [f"{name} {share:.1f}" for name, share in spent.most_common(NAMED)]
    print(f"  {', '.join(rows)}; CTC, update and the rest {whole - spent.total():.1f} ms")


def measure_torch(name, N, seconds):
    """Print the time of a step of the closest network from PyTorch's modules."""
    side = pytorch.find_side()
    if side is None:
        return
    import torch

    config = preset(name)
    step = side.make_training_step(pytorch.DEVICE, config, TRAINING)
    batch = make_batch(config, N, seconds)
    T = batch.x.shape[1]
    out_lengths = DeepSpeech2(config).out_lengths(np.full(N, T))  # without padding
    given = (batch.x, batch.labels, out_lengths, batch.label_lengths)
    given = [torch.tensor(a, device=pytorch.DEVICE) for a in given]
    plain = clock(lambda: step(*given), most=20)[0]
    with pytorch.tf32():
        rounded = clock(lambda: step(*given), most=20)[0]
    print(f"  PyTorch {with_range(plain)}, with TF32 {with_range(rounded)}", flush=True)
    pytorch.release_memory()
