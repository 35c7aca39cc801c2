"""A network whose matrix products have another precision than float32."""

import numpy as np
import pytest
from helpers import fake_cublas
from helpers.host_kernels import use_on_host

from ds2np import kernels
from ds2np.backend import choose_device, to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss
from ds2np.errors import UserError
from ds2np.kernels import recurrent
from ds2np.layers import log_softmax
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.model.checkpoint import save_checkpoint
from ds2np.model.run_folder import load_run

ONE_D = (ConvConfig(16, (3,), (2,)),)
TWO_D = (ConvConfig(2, (3, 5), (2, 2)),)
SIZES = {"sample_rate": 800, "layers": 2, "hidden": 24, "dense": 1}
LENGTHS = np.array([12, 9, 11])


def make(conv=ONE_D, dtype=np.float32, **changes):
    model = DeepSpeech2(DeepSpeech2Config(conv=conv, **SIZES, **changes), dtype=dtype)
    rng = np.random.default_rng(1)  # so that dL/db is not 0 for a layer that normalises
    for name, value in model.params.items():
        if name.endswith(("gamma", "beta")):
            value += 0.1 * rng.standard_normal(value.shape)
    return model


def draw(model):
    rng = np.random.default_rng(0)
    return rng.standard_normal((3, 12, model.config.features)).astype(model.dtype)


def train_once(model):
    """Run a minibatch forward and backward; return its losses and gradients in main memory."""
    labels, counts = np.array([[1, 2], [3, 0], [4, 4]]), np.array([2, 1, 2])
    logits, out_lengths = model.forward(draw(model), LENGTHS)
    loss, dlogits = ctc_loss(logits, labels, out_lengths, counts)
    model.backward(dlogits)
    return to_cpu(loss), {name: to_cpu(value) for name, value in model.grads.items()}


def assert_near(got, right, error):
    loss, grads = got
    np.testing.assert_allclose(loss, right[0], rtol=error)
    for name, grad in right[1].items():
        assert grads[name].dtype == np.float32
        assert np.linalg.norm(grads[name] - grad) <= error * np.linalg.norm(grad) + 1e-6, name


@pytest.mark.parametrize(("precision", "error", "calls"), [("bf16x3", 1e-3, 3), ("tf32", 0.05, 1)])
def test_a_minibatch_on_tensor_cores(precision, error, calls, monkeypatch):
    right = train_once(make(dtype=np.float64))
    use_on_host(monkeypatch)
    fake_cublas.use(monkeypatch)
    asked, original = [], fake_cublas.gemmEx
    monkeypatch.setattr(fake_cublas, "gemmEx", lambda *a: asked.append(a) or original(*a))
    model = make()
    model.set_precision(precision)
    assert_near(train_once(model), right, error)
    # Each product has an output, dx and dW, the recurrent ones dU of both directions, too.
    products = 3 * sum(name.endswith(".W") for name in model.params) + 2 * SIZES["layers"]
    assert len(asked) == calls * products
    assert model.flat_params.dtype == np.float32
    model.move(np.copy)
    asked.clear()
    train_once(model)
    assert not asked


def test_float32_alone_on_the_cpu():
    model = make(TWO_D)
    before = train_once(model)[0]
    for precision in ("tf32", "bf16x3", "half"):
        with pytest.raises(UserError, match=f"precision {precision} needs a GPU"):
            model.set_precision(precision)
    model.set_precision("float32")
    np.testing.assert_array_equal(train_once(model)[0], before)


def log_probs(model):
    model.set_training(False)
    return to_cpu(log_softmax(model.infer(draw(model), LENGTHS)[0]))


def test_weights_in_half_precision(monkeypatch):
    """Log-probabilities of a network of random weights change by about 1e-3."""
    model = make()
    before = log_probs(model)
    use_on_host(monkeypatch)
    model.set_precision("half")
    for name, value in model.params.items():
        rounded = value.astype(np.float16).astype(np.float32)
        assert np.array_equal(value, rounded) == (name.endswith((".W", ".U")) or not value.any())
    change = np.abs(log_probs(model) - before).max()
    assert 1e-5 < change < 5e-3


@pytest.mark.parametrize("frames", [2, 40], ids=["few frames", "many frames"])
def test_a_stream_in_half_precision(frames, monkeypatch):
    """A chunk of few frames is multiplied by the kernel for few rows, and so is each frame."""
    model = make(bidirectional=False, lookahead=1, normalisation="running")
    x = draw(model)
    model.set_training(False)
    for name in model.params:
        if name.endswith((".W", ".U")):
            model.params[name][...] = model.params[name].astype(np.float16)
    right = model.infer(x, np.full(3, 12))[0]
    use_on_host(monkeypatch)
    monkeypatch.setattr(recurrent, "REGISTERS", {})  # no weights fit on the chip
    load, launched = kernels.load, []
    monkeypatch.setattr(kernels, "load", lambda name, **d: launched.append(name) or load(name, **d))
    model.set_precision("half")
    state, parts = None, []
    for first in range(0, 12, frames):
        chunk = x[:, first : first + frames]
        out, state = model.forward_chunk(chunk, state, first + frames >= 12)
        parts.append(out)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), right, atol=1e-4)
    # Each of 6 frames in either layer, but for the first state, which is 0; few rows at a time in
    # the convolution, the layers' inputs, the dense layer and the output.
    count = launched.count("small_product") - 2 * 5
    assert count == 0 if frames == 40 else count > 20


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["tf32", "bf16x3", "half"])
@pytest.mark.parametrize("conv", [ONE_D, TWO_D], ids=["1D", "2D"])
def test_on_a_gpu(precision, conv, monkeypatch):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    if precision == "bf16x3":
        fake_cublas.complete(monkeypatch)
    model, moved = make(conv), make(conv)
    moved.move(to_gpu)
    moved.set_precision(precision)
    if precision == "half":
        np.testing.assert_allclose(log_probs(moved), log_probs(model), atol=5e-3)
    else:
        error = {"tf32": 0.05, "bf16x3": 1e-3}[precision]
        assert_near(train_once(moved), train_once(model), error)


@pytest.mark.gpu
def test_weights_saved_in_half_precision_are_multiplied_so(tmp_path):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    model, x = make(bidirectional=False), draw(make())[:1]
    save_checkpoint(tmp_path / "best.npz", model, {"half": True}, half=True)
    right, _ = load_run(tmp_path).infer(x, LENGTHS[:1])
    half, single = (load_run(tmp_path, choose_device("cuda"), p) for p in (None, "float32"))
    assert (half.precision, single.precision) == ("half", "float32")
    for moved in (half, single):
        got, _ = moved.infer(to_gpu(x), LENGTHS[:1])
        np.testing.assert_allclose(to_cpu(got), right, rtol=0.01, atol=0.01)
