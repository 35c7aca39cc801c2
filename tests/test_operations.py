"""How many operations a training step asks of a GPU: launches, products, transforms, copies, waits.

Counted by a CUDA that is pretended in main memory; their number does not depend on the width of the
layers, so the networks here are narrow.
"""

import dataclasses

import numpy as np
import pytest

from ds2np.backend import to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss
from ds2np.kernels import recurrent
from ds2np.layers import GRU, Bidirectional, SimpleRNN
from ds2np.model import DeepSpeech2, preset
from ds2np.optim import EMA, SGD

pytestmark = pytest.mark.gpu
OPERATIONS = ("launch", "gemm", "fft", "memset", "d2d")


@pytest.fixture(scope="module")
def count():
    """Return a function that counts what a call asks of the GPU."""
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    fakegpu = pytest.importorskip("fakegpu", reason="only a pretended CUDA counts operations")

    def count(call):
        before = fakegpu.counts()
        call()
        return {name: number - before[name] for name, number in fakegpu.counts().items()}

    return count


def operations(counts):
    return sum(counts[name] for name in OPERATIONS)


def make_step(name, lengths):
    """Return a training step of a narrow network, of a minibatch that is on the GPU already."""
    config = preset(name)
    conv = tuple(dataclasses.replace(each, channels=2) for each in config.conv)
    config = dataclasses.replace(config, conv=conv, hidden=32)
    model = DeepSpeech2(config)
    model.move(to_gpu)
    optimiser, ema = SGD(model.params, model.grads, 1e-3), EMA(model.params, 0.98)
    rng, N = np.random.default_rng(0), len(lengths)
    x = to_gpu(rng.standard_normal((N, max(lengths), config.features)).astype(np.float32))
    labels, label_lengths = rng.integers(1, 29, (N, 5)), np.full(N, 5)

    def step():
        model.zero_grads()
        logits, out_lengths = model.forward(x, np.array(lengths))
        loss, dlogits = ctc_loss(logits, labels, out_lengths, label_lengths)
        assert np.isfinite(loss.get()).all()
        model.backward(dlogits)
        assert np.isfinite(optimiser.step(ema, 1))

    return step


@pytest.mark.parametrize(("name", "most"), [("small", 150), ("base", 200), ("paper-9-7", 200)])
def test_a_training_step(name, most, count):
    step = make_step(name, [32] * 3)
    step()  # compiles kernels, and copies what all steps share
    full = count(step)
    assert operations(full) <= most
    assert full["sync"] <= 2
    assert full["d2h"] <= 2
    step = make_step(name, [32, 30, 31])
    step()
    assert operations(count(step)) == operations(full)  # padding costs nothing
    longer = make_step(name, [64] * 3)
    longer()
    assert operations(count(longer)) == operations(full)  # nor do frames


@pytest.mark.parametrize("kind", [SimpleRNN, GRU])
@pytest.mark.parametrize("persistent", [True, False])
def test_the_loop_over_time(kind, persistent, count, monkeypatch):
    if not persistent:
        monkeypatch.setattr(recurrent, "REGISTERS", {})
    layer = Bidirectional(kind, 8, 32, np.random.default_rng(0))

    def loops(T):
        rng, gates = np.random.default_rng(0), layer.gates
        a = to_gpu(rng.standard_normal((3, T, 1, gates * 32)).astype(np.float32))
        dout = to_gpu(rng.standard_normal((3, T, 32)).astype(np.float32))
        U, lengths = to_gpu(layer.params["U"]), np.array([T, T - 1, T - 2])
        plan = recurrent.plan_here(a, 32, gates, 2, 3)
        given = a, U, None, lengths, "tanh", "sum", plan
        _, run = recurrent.recurrent_forward(*given)
        recurrent.recurrent_backward(dout, run)
        forward = count(lambda: recurrent.recurrent_forward(*given))
        backward = count(lambda: recurrent.recurrent_backward(dout, run))
        assert forward["sync"] == backward["sync"] == 0
        return operations(forward), operations(backward) - 2  # the two products of dU

    short, long = loops(8), loops(16)
    a_frame = [(after - before) / 8 for before, after in zip(short, long, strict=True)]
    if persistent:
        assert a_frame == [0, 0]
        assert max(short) <= 2
    else:
        assert max(a_frame) <= 2
