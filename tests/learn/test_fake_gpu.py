"""The fake GPU: as strict as CuPy, and the whole package runs on it without hidden copies."""

import sys

import numpy as np
import pytest

from ds2np.backend import get_array_module, to_cpu, to_gpu
from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.kernels.host import why_not_on_host
from ds2np.learn.fake_gpu import fake_gpu
from ds2np.model import ConvConfig, DeepSpeech2, DeepSpeech2Config
from ds2np.optim import SGD

CONFIG = DeepSpeech2Config(sample_rate=800, layers=2, hidden=8)
CONVOLUTIONS = {
    "2D": (ConvConfig(2, (3, 5), (2, 2)), ConvConfig(2, (3, 3), (1, 2))),
    "1D": (ConvConfig(4, (5,), (2,)),),
}


def test_it_is_there_within_the_block_only():
    before = sys.modules.get("cupy")
    with fake_gpu():
        x = to_gpu(np.ones(3))
        assert get_array_module(x) is sys.modules["cupy"] is not before
    assert sys.modules.get("cupy") is before


def test_the_memories_are_apart():
    x = np.arange(6.0)
    with fake_gpu() as log:
        on_gpu = to_gpu(x)
        for mixed in (
            lambda: x + on_gpu,
            lambda: on_gpu * x,
            lambda: get_array_module(on_gpu).exp(x),
            lambda: get_array_module(on_gpu).concatenate([on_gpu, x]),
            lambda: on_gpu.__setitem__(slice(None), x),
            lambda: np.asarray(on_gpu),
        ):
            with pytest.raises(TypeError, match=r"on (a|the) GPU"):
                mixed()
        np.testing.assert_array_equal(to_cpu(on_gpu), x)
        assert log.sent == 1


def test_launches_copies_and_waits_are_counted():
    with fake_gpu() as log:
        x = to_gpu(np.arange(6.0))
        y = x.reshape(2, 3).T[1:]  # views
        assert log.launches.total() == 0
        y = y.sum(axis=0) + 1
        y *= 2
        y[0] = 5
        assert log.launches == {"sum": 1, "add": 1, "multiply": 1, "setitem": 1}
        assert not log.waits
        assert float(y[0]) == 5
        assert list(log.waits) == [f"{__name__}: assert float(y[0]) == 5"]
        assert log.take().sent == 1
        assert log.sent == 0


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_layer_computes_the_same(case, rng):
    layer, moved = case.layer(np.float64), case.layer(np.float64)
    x = case.x(rng, np.float64)
    out = layer.forward(x, LENGTHS)
    upstream = rng.standard_normal(out.shape)
    dx = layer.backward(upstream)
    with fake_gpu() as log:
        moved.move(to_gpu)
        got = moved.forward(to_gpu(x), LENGTHS), moved.backward(to_gpu(upstream))
        assert not log.waits
        for one, expected in zip(got, (out, dx), strict=True):
            np.testing.assert_allclose(to_cpu(one), expected, rtol=1e-9, atol=1e-10)
        for name, value in layer.grads.items():
            np.testing.assert_allclose(to_cpu(moved.grads[name]), value, rtol=1e-9, atol=1e-10)


def step(model, rng):
    x = rng.standard_normal((3, 40, model.config.features)).astype(np.float32)
    labels = np.array([[1, 2, 2, 5], [3, 3, 0, 0], [7, 0, 0, 0]])
    optimiser = SGD(model.params, model.grads, learning_rate=1e-3, max_norm=10)
    model.zero_grads()
    logits, out_lengths = model.forward(x, np.array([40, 30, 35]))
    loss, dlogits = ctc_loss(logits, labels, out_lengths, np.array([4, 2, 1]))
    model.backward(dlogits)
    optimiser.step()
    return loss


@pytest.mark.parametrize("convolution", CONVOLUTIONS)
@pytest.mark.parametrize("recurrent", ["gru", "rnn"])
def test_a_training_step_is_the_same_and_waits_once(convolution, recurrent):
    if why_not_on_host():
        pytest.skip(f"no kernels on the host: {why_not_on_host()}")
    values = {**CONFIG.to_dict(), "conv": (), "recurrent": recurrent}
    config = DeepSpeech2Config(**{**values, "conv": CONVOLUTIONS[convolution]})
    model = DeepSpeech2(config)
    loss = step(model, np.random.default_rng(0))
    with fake_gpu() as log:
        moved = DeepSpeech2(config)
        moved.move(to_gpu)
        got = step(moved, np.random.default_rng(0))
        assert log.launches["ctc_ways"] == log.launches["ctc_gradient"] == 1
        assert log.waits.total() == 1  # for the norm of the gradients
        np.testing.assert_allclose(to_cpu(got), loss, rtol=1e-4)
        for name, value in model.state_dict().items():
            np.testing.assert_allclose(to_cpu(moved.state_dict()[name]), value, atol=1e-5)
