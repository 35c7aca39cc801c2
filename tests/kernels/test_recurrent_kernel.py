"""The loops over time of recurrent layers as kernels, against the loops of the layers in NumPy."""

import numpy as np
import pytest
from helpers.host_kernels import use_on_host
from helpers.recurrence import check, make

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels import recurrent
from ds2np.kernels.host import ORDERS, why_not_on_host
from ds2np.kernels.recurrent import plan_here, plan_persistent
from ds2np.layers import GRU, Bidirectional, SimpleRNN
from ds2np.layers import recurrent as layer_of

if why_not_on_host():
    pytest.skip(f"no kernels on the host: {why_not_on_host()}", allow_module_level=True)


@pytest.fixture(params=ORDERS)
def order(request, monkeypatch):
    use_on_host(monkeypatch, request.param)
    monkeypatch.setattr(recurrent, "REGISTERS", {2: 10_000})  # small blocks are quicker here
    return request.param


KINDS = pytest.mark.parametrize("kind", [GRU, SimpleRNN])
WAYS = pytest.mark.parametrize("way", ["persistent", "tensor", "steps"])


@KINDS
@WAYS
@pytest.mark.parametrize("activation", ["tanh", "clipped_relu"])
@pytest.mark.parametrize("options", [{}, {"share_input": False}, {"merge": "concat"}], ids=str)
def test_both_directions(kind, way, activation, options, order, rng):
    check(make(kind, 33, rng, activation=activation, **options), 5, 6, rng, way)


@KINDS
@WAYS
def test_one_direction_from_zeros(kind, way, order, rng):
    check(make(kind, 33, rng, directions=1), 3, 4, rng, way, from_zeros=True)


@pytest.mark.parametrize("order", ["random"], indirect=True)
@KINDS
@pytest.mark.parametrize("way", ["persistent", "steps"])
@pytest.mark.parametrize(
    ("H", "N", "T"), [(1, 1, 1), (1, 17, 3), (160, 17, 2), (256, 1, 2), (512, 3, 2), (1280, 64, 2)]
)
def test_sizes(kind, way, H, N, T, order, rng):
    if kind is GRU and H == 1280:
        H = 640  # the random weights of a GRU take three times as long to draw
    check(make(kind, H, rng), N, T, rng, way)


@pytest.mark.parametrize("order", ["forward"], indirect=True)  # the quickest
@pytest.mark.parametrize(
    ("kind", "H", "directions", "N", "T"),
    [
        *((GRU, 1, 2, 1, 1), (SimpleRNN, 1, 2, 17, 3), (GRU, 33, 1, 64, 2), (GRU, 160, 2, 17, 2)),
        *((SimpleRNN, 256, 2, 1, 2), (GRU, 512, 1, 1, 2), (SimpleRNN, 1280, 1, 1, 2)),
        # weights in shared memory, and two chunks of which not all tiles are on their way at once
        (GRU, 420, 1, 17, 2),
    ],
)
def test_sizes_on_tensor_cores(kind, H, directions, N, T, order, rng):
    check(make(kind, H, rng, directions), N, T, rng, "tensor")


def test_errors_do_not_grow_with_the_frames(order, rng):
    check(make(GRU, 33, rng), 3, 60, rng, "tensor")


@KINDS
@WAYS
def test_a_layer_by_kernels(kind, way, to, rng, monkeypatch):
    monkeypatch.setattr(recurrent, "REGISTERS", {2: 100} if way == "persistent" else {})
    precision = "bf16x3" if way == "tensor" else "float32"
    monkeypatch.setattr(layer_of, "plan_here", lambda *sizes: plan_here(*sizes[:5], precision))
    layer = Bidirectional(kind, 5, 33, np.random.default_rng(1), dtype=np.float64)
    moved = Bidirectional(kind, 5, 33, np.random.default_rng(1))
    moved.move(to)
    x, lengths = rng.standard_normal((3, 4, 5)), np.array([4, 2, 3])
    dout = rng.standard_normal((3, 4, 33))
    for _ in range(2):  # gradients accumulate
        out, dx = layer.forward(x, lengths), layer.backward(dout)
        by_kernel = to(x.astype(np.float32)), to(dout.astype(np.float32))
        got = to_cpu(moved.forward(by_kernel[0], lengths)), to_cpu(moved.backward(by_kernel[1]))
    np.testing.assert_allclose(got[0], out, atol=5e-5)
    np.testing.assert_allclose(got[1], dx, atol=5e-5)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(to_cpu(moved.grads[name]), grad, atol=2e-4, err_msg=name)


def test_a_launch_leaves_its_counters_as_it_found_them(order, rng, monkeypatch):
    counters = np.zeros(1000, np.uint32)
    monkeypatch.setattr(recurrent, "_counters", lambda run: counters)
    for way in "persistent", "tensor":
        check(make(GRU, 40, rng), 3, 5, rng, way)
        assert not counters.any()


def test_plans_of_an_h200():
    """132 multiprocessors; the weights of a block have to fit into 96 or 192 registers a thread."""
    for H, gates, N, utterances, blocks in (
        *((512, 3, 64, 16, 128), (256, 3, 64, 8, 128), (160, 3, 64, 6, 110)),
        *((1280, 1, 64, 64, 80), (1, 1, 64, 1, 128), (512, 3, 1, 1, 32), (1510, 1, 64, 64, 96)),
    ):
        plan = plan_persistent(H, gates, 2, N, 132, 227 * 1024)
        assert (plan.warps, plan.utterances, plan.blocks) == (16, utterances, blocks)
        assert max(plan.forward_bytes, plan.backward_bytes) <= 227 * 1024
    assert plan_persistent(1156, 3, 2, 64, 132, 227 * 1024) is None  # registers
    assert plan_persistent(1764, 1, 2, 64, 132, 227 * 1024) is None
    assert plan_persistent(512, 3, 2, 64, 28, 227 * 1024) is None  # multiprocessors
    assert plan_persistent(512, 3, 2, 64, 82, 99 * 1024).warps == 8  # shared memory
    assert plan_persistent(512, 3, 2, 64, 132, 48 * 1024) is None


def test_plans_on_tensor_cores(monkeypatch):
    x = np.zeros(0)
    for H, gates, N, utterances, blocks in (
        *((512, 3, 64, 16, 128), (256, 3, 64, 8, 128), (160, 3, 64, 8, 80), (1280, 1, 64, 64, 80)),
        *((1760, 1, 64, 64, 110), (768, 3, 64, 32, 96), (1, 1, 1, 8, 2)),
    ):
        plan = plan_here(x, H, gates, 2, N, "bf16x3")
        assert (plan.tensor, plan.utterances, plan.blocks) == (True, utterances, blocks)
        assert max(plan.forward_bytes, plan.backward_bytes) <= 227 * 1024
    assert not plan_here(x, 512, 3, 2, 64).tensor
    assert plan_here(x, 800, 3, 2, 64, "tf32") is None  # shared memory
    assert plan_here(x, 2049, 1, 2, 64, "tf32").tensor
    assert plan_here(x, 2113, 1, 2, 64, "tf32") is None  # multiprocessors
    assert plan_persistent(640, 3, 2, 64, 108, 99 * 1024, "tf32") is None
    monkeypatch.setattr(kernels, "capability", lambda x: 75)
    assert not plan_here(x, 512, 3, 2, 64, "bf16x3").tensor
