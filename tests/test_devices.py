"""Moving a network, and the same results on CPU and GPU.

Where there is no GPU the parity tests are skipped, and say so; that everything follows when a
network moves is tested with copies in main memory, too.
"""

import numpy as np
import pytest

from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss, state_posterior
from ds2np.decode import greedy_decode
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.model.checkpoint import load_checkpoint, save_checkpoint
from ds2np.optim import SGD
from ds2np.text import Alphabet

CONFIG = DeepSpeech2Config(
    sample_rate=800,
    conv=(ConvConfig(2, (3, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
    layers=2,
    hidden=8,
)

gpu = pytest.mark.gpu
on_devices = pytest.mark.parametrize(
    "to", [pytest.param(np.copy, id="copies"), pytest.param(to_gpu, id="gpu", marks=gpu)]
)
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def skip_without_gpu(request):
    if request.node.get_closest_marker("gpu") and why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")


def close(got, expected, dtype):
    tolerance = (
        {"rtol": 1e-4, "atol": 1e-4} if dtype == np.float32 else {"rtol": 1e-9, "atol": 1e-10}
    )
    np.testing.assert_allclose(to_cpu(got), expected, **tolerance)


@on_devices
@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_computes_the_same_after_moving(case, to, dtype, rng):
    layer, moved = case.layer(dtype), case.layer(dtype)
    old = list(moved.params.values()) + list(moved.grads.values())
    moved.move(to)
    x = case.x(rng, dtype)
    out = layer.forward(x, LENGTHS)
    upstream = rng.standard_normal(out.shape).astype(dtype)
    dx = layer.backward(upstream)
    close(moved.forward(to(x), LENGTHS), out, dtype)
    close(moved.backward(to(upstream)), dx, dtype)
    for kind in ("grads", "buffers"):
        for name, value in getattr(layer, kind).items():
            close(getattr(moved, kind)[name], value, dtype)
    new = list(moved.params.values()) + list(moved.grads.values())
    assert not any(a is b for a in old for b in new)


def batch(rng):
    x = rng.standard_normal((3, 40, CONFIG.features)).astype(np.float32)
    labels = np.array([[1, 2, 2, 5], [3, 3, 0, 0], [7, 0, 0, 0]])
    return x, np.array([40, 30, 35]), labels, np.array([4, 2, 1])


def train(to, rng, steps=5):
    model = DeepSpeech2(CONFIG)
    model.move(to)
    optimiser = SGD(model.params, model.grads, learning_rate=1e-3, max_norm=10)
    x, lengths, labels, label_lengths = batch(rng)
    losses = []
    for _ in range(steps):
        logits, out_lengths = model.forward(x, lengths)
        loss, dlogits = ctc_loss(logits, labels, out_lengths, label_lengths)
        model.zero_grads()
        model.backward(dlogits)
        optimiser.step()
        losses.append(to_cpu(loss))
    return model, np.array(losses), greedy_decode(logits, out_lengths, Alphabet())


@on_devices
def test_training_goes_the_same_way(to):
    model, losses, texts = train(to_cpu, np.random.default_rng(0))
    moved, moved_losses, moved_texts = train(to, np.random.default_rng(0))
    np.testing.assert_allclose(moved_losses, losses, rtol=1e-3)
    assert losses[-1].sum() < losses[0].sum()
    assert moved_texts == texts
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(to_cpu(moved.state_dict()[name]), value, atol=1e-3)


@on_devices
def test_checkpoints_are_the_same_on_all_devices(to, tmp_path, rng):
    model, _, _ = train(to, rng, steps=1)
    path = tmp_path / "a.npz"
    save_checkpoint(path, model, {"epoch": 1})
    loaded, progress, _ = load_checkpoint(path)
    assert progress == {"epoch": 1}
    for name, value in loaded.state_dict().items():
        assert isinstance(value, np.ndarray)
        np.testing.assert_array_equal(value, to_cpu(model.state_dict()[name]))
    loaded.move(to)
    model.set_training(False)
    x, lengths, *_ = batch(rng)
    np.testing.assert_array_equal(
        to_cpu(loaded.forward(x, lengths)[0]), to_cpu(model.forward(x, lengths)[0])
    )


@gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", [ctc_loss, state_posterior])
def test_ctc_on_the_gpu_equals_numpy(function, dtype, rng):
    logits = (3 * rng.standard_normal((4, 30, 6))).astype(dtype)
    labels = rng.integers(1, 6, (4, 8))
    rest = labels, np.array([30, 9, 25, 0]), np.array([8, 8, 0, 0])
    expected, got = function(logits, *rest), function(to_gpu(logits), *rest)
    for a, b in zip(got, expected, strict=True) if function is ctc_loss else [(got, expected)]:
        close(a, b, dtype)
