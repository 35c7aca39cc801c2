"""The items of the benchmark; sizes of the preset base (the paper's) and 5 s of speech.

A GPU gets larger ones, which keep it busy: 64 utterances of 7 s.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from ds2np.audio.spectrogram import log_spectrogram
from ds2np.ctc import ctc_loss
from ds2np.decode import greedy_decode
from ds2np.layers import GRU, Bidirectional, Conv2D, Sequential, SimpleRNN
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import SGD
from ds2np.train.config import TrainingConfig

RATE = 16000  # Hz
FRAMES = 100  # per second
CHARACTERS = 14  # per second


@dataclass(frozen=True)
class Item:
    """A computation to time, with the same data for both sides.

    `make_ours` returns a function that does the work once and returns a dict of results;
    `make_torch` does the same, given the module `ds2np.bench.torch_side` and a PyTorch device.
    `flop` counts the operations of a direct computation. Results may differ by `tolerance`,
    relative to the largest element; None if the two sides do not compute the same.
    """

    make_ours: Callable
    make_torch: Callable
    flop: float | None = None
    tolerance: float | None = 1e-3


def _normal(rng, *shape):
    return rng.standard_normal(shape, np.float32)


def _flop(stack, shape, T, N):
    """Count the operations of layers for N utterances of T frames, forward and backward."""
    total = sum(
        layer.multiply_adds(in_shape) * int(out_lengths[0])
        for _, layer, in_shape, _, _, out_lengths in stack.trace(shape, np.array([T]))
    )
    return 3 * 2.0 * N * total  # output, dx and dW


def gemm(to_device, size=2000):
    """Multiply two large matrices: the yardstick of the other items."""
    rng = np.random.default_rng(0)
    a, b = _normal(rng, size, size), _normal(rng, size, size)

    def make_ours():
        x, y = to_device(a), to_device(b)
        return lambda: {"product": x @ y}

    return Item(make_ours, lambda torch, device: torch.gemm(device, a, b), 2.0 * size**3)


def spectrogram(to_device, minutes=60, seconds=60):
    """Compute log spectrograms of an hour of sound, minute by minute."""
    clips = _normal(np.random.default_rng(0), minutes, seconds * RATE)

    def make_ours():
        sound = to_device(clips)

        def step():
            for clip in sound:
                out = log_spectrogram(clip, RATE)
            return {"last spectrogram": out}

        return step

    return Item(make_ours, lambda torch, device: torch.spectrogram(device, clips, RATE))


def convolutions(to_device, N=16, T=500, F=161, channels=32):
    """Run the paper's two convolutions forward and backward."""
    rng = np.random.default_rng(0)
    layers = [
        Conv2D(1, channels, (11, 41), (2, 2), rng),
        Conv2D(channels, channels, (11, 21), (1, 2), rng),
    ]
    x, lengths = _normal(rng, N, 1, T, F), np.full(N, T)
    stack = Sequential({str(i): layer for i, layer in enumerate(layers)})
    flop = _flop(stack, (1, F), T, N)
    O, F_out = stack.out_shape((1, F))  # noqa: E741
    dout = _normal(rng, N, O, stack.out_lengths(lengths)[0], F_out)
    weights = [(layer.params["W"].copy(), layer.stride) for layer in layers]

    def make_ours():
        stack.move(to_device)
        on_device, upstream = to_device(x), to_device(dout)

        def step():
            stack.zero_grads()
            out = stack.forward(on_device, lengths)
            dx = stack.backward(upstream)
            first, second = stack.grads["0.W"], stack.grads["1.W"]
            return {"output": out, "dx": dx, "first dW": first, "second dW": second}

        return step

    return Item(make_ours, lambda torch, device: torch.convolutions(device, x, weights, dout), flop)


def recurrent(kind, share_input, to_device, N=16, T=250, D=1312, H=512):
    """Run a bidirectional layer forward and backward; PyTorch cannot share the input weights."""
    rng = np.random.default_rng(0)
    layer = Bidirectional(
        kind, D, H, rng, share_input=share_input, batchnorm=False, activation="tanh"
    )
    flop = _flop(Sequential({"layer": layer}), (D,), T, N)
    x, dout, lengths = _normal(rng, N, T, D), _normal(rng, N, T, H), np.full(N, T)
    W, U = layer.params["W"], layer.params["U"]
    inputs = [W, W] if share_input else np.split(W, 2, axis=1)

    def make_ours():
        layer.move(to_device)
        on_device, upstream = to_device(x), to_device(dout)

        def step():
            layer.zero_grads()
            out = layer.forward(on_device, lengths)
            return {"output": out, "dx": layer.backward(upstream)}

        return step

    return Item(make_ours, lambda torch, device: torch.recurrent(device, x, inputs, U, dout), flop)


def ctc(to_device, N=16, T=250, L=70, V=29):
    """Compute the CTC loss and its gradient with respect to the logits."""
    rng = np.random.default_rng(0)
    logits, labels = _normal(rng, N, T, V), rng.integers(1, V, (N, L))
    rest = labels, np.full(N, T), np.full(N, L)

    def make_ours():
        x = to_device(logits)

        def step():
            loss, gradient = ctc_loss(x, *rest)
            return {"loss": loss.sum(), "gradient": gradient}

        return step

    # After 750 frames PyTorch's float32 gradient has an error of 2e-3, ours of 1e-7.
    return Item(make_ours, lambda torch, device: torch.ctc(device, logits, *rest), tolerance=1e-2)


def training_step(to_device, N=16, seconds=5, name="small", precision="float32"):
    """Train a preset on one minibatch; PyTorch trains the closest network it can."""
    config, training = preset(name), TrainingConfig()
    rng = np.random.default_rng(0)
    T, L = round(FRAMES * seconds), round(CHARACTERS * seconds)
    x = _normal(rng, N, T, config.features)
    labels = rng.integers(1, len(config.alphabet()), (N, L))
    lengths, label_lengths = np.full(N, T), np.full(N, L)
    model = DeepSpeech2(config)
    flop = _flop(model, (config.features,), T, N)

    def make_ours():
        model.move(to_device)
        model.set_precision(precision)
        on_device = to_device(x)
        optimiser = SGD(
            model.params, model.grads, training.learning_rate, training.momentum, training.max_norm
        )

        def step():
            logits, out_lengths = model.forward(on_device, lengths)
            loss, dlogits = ctc_loss(logits, labels, out_lengths, label_lengths)
            model.zero_grads()
            dlogits /= N
            model.backward(dlogits, to_input=False)
            optimiser.step()
            return {"loss": loss}

        return step

    def make_torch(torch, device):
        return torch.training_step(device, config, training, x, labels, model.out_lengths(lengths))

    return Item(make_ours, make_torch, flop, tolerance=None)


def decoding(to_device, N=64, T=750):
    """Decode logits greedily."""
    lengths, alphabet = np.full(N, T), preset("small").alphabet()
    logits = _normal(np.random.default_rng(0), N, T, len(alphabet))

    def make_ours():
        x = to_device(logits)
        return lambda: {"text": greedy_decode(x, lengths, alphabet)}

    return Item(make_ours, lambda torch, device: torch.decoding(device, logits, alphabet))


ITEMS = {
    "gemm": gemm,
    "spectrogram": spectrogram,
    "convolutions": convolutions,
    "gru": partial(recurrent, GRU, False),
    "gru-shared": partial(recurrent, GRU, True),
    "rnn": partial(recurrent, SimpleRNN, False),
    "rnn-shared": partial(recurrent, SimpleRNN, True),
    "ctc": ctc,
    "ctc-long": partial(ctc, N=64, T=750, L=150),
    "training-step": training_step,
    "decoding": decoding,
}
STEPS = "training-step", "step-base", "step-paper-9-7"
_LAYER = {"N": 64, "T": 350}
ITEMS_ON_GPU = ITEMS | {
    "gemm": partial(gemm, size=8192),
    "convolutions": partial(convolutions, N=64, T=700),
    "gru": partial(recurrent, GRU, False, **_LAYER, D=512, H=512),
    "gru-shared": partial(recurrent, GRU, True, **_LAYER, D=512, H=512),
    "rnn": partial(recurrent, SimpleRNN, False, **_LAYER, D=1280, H=1280),
    "rnn-shared": partial(recurrent, SimpleRNN, True, **_LAYER, D=1280, H=1280),
    "ctc": partial(ctc, N=64, T=350, L=100),
    "training-step": partial(training_step, N=64, seconds=7),
    "step-base": partial(training_step, N=64, seconds=7, name="base"),
    "step-paper-9-7": partial(training_step, N=64, seconds=7, name="paper-9-7"),
}
