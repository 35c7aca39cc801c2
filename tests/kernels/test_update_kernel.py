"""The update of all weights by kernels, on the host and on a GPU, against the NumPy version."""

import numpy as np
import pytest
from helpers.host_kernels import in_every_order, use_on_host

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels.host.module import ORDERS
from ds2np.layers import Linear
from ds2np.layers.flat import find_flat
from ds2np.optim import EMA, SGD

STEPS = 3


def gradients(sizes, scale=1.0):
    rng = np.random.default_rng(1)
    return [[scale * rng.standard_normal(size) for size in sizes] for _ in range(STEPS)]


def train(dtype, grads, to=np.copy, max_norm=1e9, averaged=True, flat=True):
    """Take steps with given gradients for W and b of a layer; return all arrays, and the norms."""
    D, H = grads[0][0].shape
    layer = Linear(D, H, np.random.default_rng(0), dtype=dtype)
    layer.move(to)
    if flat:
        layer.flatten("params")
        layer.flatten("grads")
    sgd = SGD(layer.params, layer.grads, 0.1, 0.9, max_norm)
    ema, norms = EMA(layer.params, 0.98), []
    for step, values in enumerate(grads, start=1):
        for grad, value in zip(layer.grads.values(), values, strict=True):
            grad[...] = to(value.astype(dtype))
        norms.append(sgd.step(ema, step) if averaged else sgd.step())
    groups = {"weights": layer.params, "velocity": sgd.velocity, "mean": ema.mean}
    return norms, {
        f"{group} {name}": to_cpu(value)
        for group, arrays in groups.items()
        for name, value in arrays.items()
    }


def assert_equal(got, expected):
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-6)
    for name, value in expected[1].items():
        assert got[1][name].dtype == np.float32
        np.testing.assert_allclose(got[1][name], value, rtol=1e-6, atol=1e-6, err_msg=name)


@in_every_order
@pytest.mark.parametrize("shape", [(1, 1), (9, 33), (160, 7)], ids=str)
@pytest.mark.parametrize(("max_norm", "averaged"), [(1e9, True), (np.inf, False), (0.5, True)])
def test_it_equals_numpy(shape, order, max_norm, averaged, monkeypatch):
    grads = gradients([shape, shape[1:]])
    expected = train(np.float64, grads, max_norm=max_norm, averaged=averaged)
    use_on_host(monkeypatch, order)
    assert_equal(train(np.float32, grads, np.copy, max_norm, averaged), expected)


@pytest.mark.parametrize("most", [3, 1024])
def test_many_numbers(most, monkeypatch):
    """More numbers than threads, and more parts of the norm than a block has threads."""
    monkeypatch.setattr("ds2np.kernels.update.MAX_BLOCKS", most)
    grads = gradients([(300, 256), 256])[:1]
    expected = train(np.float64, grads, max_norm=5.0)
    use_on_host(monkeypatch)
    assert_equal(train(np.float32, grads, max_norm=5.0), expected)


def test_the_bits_are_the_same_twice(to):
    grads = gradients([(40, 50), 50])
    (norms, arrays), again = (train(np.float32, grads, to, max_norm=2.0) for _ in range(2))
    assert norms == again[0]
    for name, value in arrays.items():
        np.testing.assert_array_equal(again[1][name], value)
    assert_equal((norms, arrays), train(np.float64, grads, max_norm=2.0))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_changes_nothing(bad, to):
    grads = gradients([(9, 33), 33])
    good = train(np.float32, grads[:2], to)
    grads[2][1][5] = bad
    norms, arrays = train(np.float32, grads, to)
    assert not np.isfinite(norms[2])
    for name, value in good[1].items():
        np.testing.assert_array_equal(arrays[name], value)


def test_a_norm_whose_square_is_no_float32(to):
    norms, arrays = train(np.float32, gradients([(9, 33), 33], 1e25), to, max_norm=1.0)
    assert np.isfinite(norms).all()
    assert_equal((norms, arrays), train(np.float64, gradients([(9, 33), 33], 1e25), max_norm=1.0))


def test_two_launches_and_nothing_between_the_arrays(monkeypatch):
    launched = []
    use_on_host(monkeypatch)
    load = kernels.load
    monkeypatch.setattr(kernels, "load", lambda name: launched.append(name) or load(name))
    layer = Linear(3, 5, np.random.default_rng(0))
    layer.flatten("params")
    layer.flatten("grads")
    sgd, ema = SGD(layer.params, layer.grads, 0.1), EMA(layer.params, 0.9)
    for grad in layer.grads.values():
        grad[...] = 1
    assert sgd.step(ema, 1) == pytest.approx(20**0.5)
    assert launched == ["update"]
    for arrays in (layer.params, layer.grads, sgd.velocity, ema.mean):
        assert np.count_nonzero(find_flat(arrays)) == 20


@pytest.mark.parametrize("change", ["not flat", "another order"])
def test_other_arrays_are_updated_one_by_one(change, monkeypatch):
    grads = gradients([(4, 3), 3])
    expected = train(np.float64, grads)
    use_on_host(monkeypatch)
    monkeypatch.setattr(kernels, "load", None)
    if change == "not flat":
        assert_equal(train(np.float32, grads, flat=False), expected)
        return
    layer = Linear(4, 3, np.random.default_rng(0))
    layer.flatten("params")
    layer.flatten("grads")
    sgd = SGD(layer.params, dict(reversed(layer.grads.items())), 0.1)
    layer.grads["W"][...] = 1
    sgd.step()
    assert (sgd.velocity["W"] != 0).all()
    assert not sgd.velocity["b"].any()


MISTAKES = {
    "no barrier between two halvings": (
        "        __syncthreads();\n        if (threadIdx.x < far)",
        "        if (threadIdx.x < far)",
    ),
    "no barrier before the sum is read": ("__syncthreads();\n    return shared", "return shared"),
    "only one part of the norm": ("p < parts; p += THREADS", "p < 1; p += THREADS"),
    "blocks overlap": (
        "i = blockIdx.x * THREADS + threadIdx.x; i < size; i += gridDim.x * THREADS)\n        sum",
        "i = threadIdx.x; i < size; i += THREADS)\n        sum",
    ),
    "nothing is clipped": ("min(1.0, max_norm / max(length, 1e-12))", "1"),
    "numbers that are not finite move": ("if (!(length - length == 0)) return;", ""),
    "the decay is turned around": ("w + keep * (mean[i] - w)", "mean[i] + keep * (w - mean[i])"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch):
    planted = "update", *MISTAKES[mistake]
    grads = gradients([(9, 33), 33])
    grads[2][0][3, 4] = np.nan
    with np.errstate(invalid="ignore"):
        expected = train(np.float64, grads, max_norm=0.5)

    def run_all():
        for order in ORDERS:
            use_on_host(monkeypatch, order, planted)
            assert_equal(train(np.float32, grads, max_norm=0.5), expected)

    with pytest.raises((AssertionError, RuntimeError)):
        run_all()
