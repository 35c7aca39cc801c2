"""Layers against PyTorch: outputs and gradients frozen by tests/frozen/make_torch.py."""

from pathlib import Path

import numpy as np
import pytest

from ds2np.ctc import ctc_loss
from ds2np.layers import (
    GRU,
    Bidirectional,
    ClippedReLU,
    Conv1D,
    Conv2D,
    Linear,
    RowConv,
    SeqBatchNorm,
    SimpleRNN,
    log_softmax,
)
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config

FILE = Path(__file__).parents[1] / "frozen" / "torch.npz"
F8 = {"dtype": np.float64}
TANH, BIAS = {"activation": "tanh"}, {"batchnorm": False}
OWN = {"share_input": False, "merge": "concat"}

LAYERS = {
    "conv2d 3x3": lambda r: Conv2D(2, 3, (3, 3), (1, 1), r, **F8),
    "conv2d 5x7, stride 2x2": lambda r: Conv2D(1, 2, (5, 7), (2, 2), r, **F8),
    "conv2d 5x3, stride 1x2": lambda r: Conv2D(2, 2, (5, 3), (1, 2), r, **F8),
    "conv2d 2x4 valid, stride 2x1": lambda r: Conv2D(2, 2, (2, 4), (2, 1), r, "valid", **F8),
    "conv2d 11x41, stride 2x2": lambda r: Conv2D(1, 1, (11, 41), (2, 2), r, **F8),
    "conv1d 3": lambda r: Conv1D(3, 2, 3, 1, r, **F8),
    "conv1d 5, stride 2": lambda r: Conv1D(3, 2, 5, 2, r, **F8),
    "conv1d 2 valid, stride 3": lambda r: Conv1D(3, 2, 2, 3, r, "valid", **F8),
    "conv1d 11, stride 2": lambda r: Conv1D(3, 2, 11, 2, r, **F8),
    "row convolution": lambda r: RowConv(3, 2, r, **F8),
    "batch norm": lambda r: SeqBatchNorm(3, **F8),
    "batch norm of images": lambda r: SeqBatchNorm(3, 2, **F8),
    "batch norm, running": lambda r: SeqBatchNorm(3, **F8),
    "batch norm of images, running": lambda r: SeqBatchNorm(3, 2, **F8),
    **{
        name + suffix: lambda r, layer=layer, kind=kind, options=options: layer(
            *kind, 3, 2, r, **options, **F8
        )
        for name, unit, activation in (
            ("gru", GRU, {}),
            ("rnn tanh", SimpleRNN, TANH),
            ("rnn", SimpleRNN, {}),  # its states stay below 20
        )
        for suffix, layer, kind, options in (
            ("", unit, (), activation),
            (", bias", unit, (), {**activation, **BIAS}),
            (", both", Bidirectional, (unit,), activation),
            (", both, own W, concatenated", Bidirectional, (unit,), {**activation, **OWN}),
        )
    },
    "gru, both, bias, own W, concatenated": lambda r: Bidirectional(
        GRU, 3, 2, r, **BIAS, **OWN, **F8
    ),
    "linear": lambda r: Linear(3, 4, r, **F8),
    "clipped relu": lambda r: ClippedReLU(),
}


@pytest.fixture(scope="module")
def frozen():
    """Return the frozen arrays of a case, by its name."""
    with np.load(FILE) as file:
        arrays = dict(file)

    def of_case(name):
        prefix = f"{name}/"
        return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}

    of_case.names = {key.partition("/")[0] for key in arrays}
    return of_case


def assert_equal(got, expected, name):
    scale = max(1, np.abs(expected).max())
    np.testing.assert_allclose(got / scale, expected / scale, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", LAYERS)
def test_layer_equals_pytorch(name, frozen, rng):
    layer, case = LAYERS[name](rng), frozen(name)
    for key, value in layer.params.items():
        value[...] = case[key]
    if name.endswith(", running"):
        layer.set_training(False)
        layer.buffers["running_mean"][...] = frozen("batch norm running")["mean"]
        layer.buffers["running_var"][...] = frozen("batch norm running")["var"]
    assert_equal(layer.forward(case["x"], case["lengths"]), case["out"], "out")
    assert_equal(layer.backward(case["upstream"]), case["dx"], "dx")
    for key, grad in layer.grads.items():
        assert_equal(grad, case[f"d{key}"], f"d{key}")


def test_log_softmax_equals_pytorch(frozen):
    case = frozen("log softmax")
    for x, expected, length in zip(case["x"], case["out"], case["lengths"], strict=True):
        assert_equal(log_softmax(x[:length]), expected[:length], "out")


def test_a_whole_network_equals_pytorch(frozen):
    """Convolution, batch norm, clipped relu, both directions of a GRU, dense output and CTC."""
    config = DeepSpeech2Config(
        sample_rate=400,  # 5 frequencies
        characters="ab",
        conv=(ConvConfig(2, (3, 5), (2, 2)),),
        layers=1,
        hidden=3,
    )
    model, case = DeepSpeech2(config, **F8), frozen("network")
    for key, value in model.params.items():
        value[...] = case[key]
    logits, lengths = model.forward(case["x"], case["lengths"])
    loss, dlogits = ctc_loss(logits, case["labels"], lengths, case["label_lengths"])
    assert_equal(logits, case["logits"], "logits")
    assert_equal(loss, case["loss"], "loss")
    assert_equal(model.backward(dlogits), case["dx"], "dx")
    for key, grad in model.grads.items():
        assert_equal(grad, case[f"d{key}"], f"d{key}")


def test_everything_frozen_is_compared(frozen):
    others = {"log softmax", "network", "batch norm running", "ctc, blank 0", "ctc, blank 3"}
    assert frozen.names == {*LAYERS, *others}
