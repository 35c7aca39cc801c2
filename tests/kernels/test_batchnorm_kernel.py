"""The kernels of batch normalisation, on the host and on a GPU, against the NumPy version."""

import numpy as np
import pytest
from helpers.host_kernels import in_every_order, use_on_host

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels.batchnorm import MAX_PARTS
from ds2np.kernels.host.module import ORDERS
from ds2np.layers import SeqBatchNorm

# (N, T, H) and (N, C, T, F): one feature, more than a tile of 32, the widths of networks; one
# utterance and many; more pieces than parts; no frames at all.
SHAPES = [
    (3, 5, 1),
    (17, 1, 33),
    (2, 4, 160),
    (2, 7, 512),
    (1, 2, 1280),
    (64, 2, 3),
    (MAX_PARTS + 6, 3, 2),
    (2, 700, 2),
    (3, 0, 4),
    (0, 4, 4),
    (2, 3, 6, 5),
    (MAX_PARTS + 1, 1, 2, 3),
    (2, 2, 300, 70),
    (1, 33, 1, 1),
    (2, 2, 0, 3),
]
by_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(rng, shape, dirt=np.nan):
    """Draw x and dout with garbage in their padding, and lengths: some 0, not all the longest."""
    time_axis = len(shape) - 2
    N, T = shape[0], shape[time_axis]
    lengths = rng.integers(0, T + 1, N)
    lengths[:1] = T
    lengths[1::3] = 0
    x = (3 + 2 * rng.standard_normal(shape)).astype(np.float32)
    dout = rng.standard_normal(shape).astype(np.float32)
    for n, length in enumerate(lengths):
        x[n, ..., length:, :] = dout[n, ..., length:, :] = dirt
    return x, dout, lengths


def run(x, dout, lengths, dtype, training=True, all_reduce=None, to=np.copy):
    """Run a layer forward and backward; return all that comes of it."""
    rng = np.random.default_rng(1)
    H, time_axis = x.shape[-1] if x.ndim == 3 else x.shape[1], x.ndim - 2
    layer = SeqBatchNorm(H, time_axis, dtype=dtype)
    layer.all_reduce = all_reduce
    layer.set_training(training)
    for name, value in layer.state_dict().items():
        value[...] = rng.uniform(0.5, 2, H) * (-1 if name == "beta" else 1)
    for grad in layer.grads.values():
        grad[...] = 7  # gradients are added
    layer.move(to)
    out = layer.forward(to(x.astype(dtype)), lengths)
    dx = layer.backward(to(dout.astype(dtype)))
    results = {"out": out, "dx": dx, **layer.grads, **layer.buffers}
    return {name: to_cpu(value) for name, value in results.items()}


def assert_equal(got, expected, tolerance=5e-5):
    for name, value in expected.items():
        assert got[name].dtype == np.float32
        scale = max(1, np.abs(value).max(initial=0))
        np.testing.assert_allclose(got[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


def check(given, order, training, monkeypatch):
    expected = run(*given, np.float64, training)
    use_on_host(monkeypatch, order)
    got = run(*given, np.float32, training)
    assert_equal(got, expected)
    for n, length in enumerate(given[2]):
        assert not got["out"][n, ..., length:, :].any()
        assert not got["dx"][n, ..., length:, :].any()


@by_shape
@in_every_order
def test_it_equals_numpy(shape, order, monkeypatch, rng):
    check(draw(rng, shape), order, True, monkeypatch)


@by_shape
def test_evaluation(shape, monkeypatch, rng):
    check(draw(rng, shape), "random", False, monkeypatch)


@pytest.mark.parametrize("shape", [(3, 700, 40), (3, 4, 90, 80)], ids=str)
def test_the_bits_are_the_same_twice_and_padding_has_no_influence(shape, to, rng):
    x, dout, lengths = draw(rng, shape)
    first = run(x, dout, lengths, np.float32, to=to)
    assert_equal(first, run(x, dout, lengths, np.float64))
    for name, value in run(*map(np.nan_to_num, (x, dout)), lengths, np.float32, to=to).items():
        np.testing.assert_array_equal(value, first[name])


@pytest.mark.parametrize("shape", [(4, 900, 3), (2, 3, 100, 30)], ids=str)
def test_it_is_as_accurate_as_numpy(shape, monkeypatch, rng):
    """A large mean beside a small deviation: where sums lose their digits."""
    x, dout, lengths = draw(rng, shape, dirt=0)
    x += np.float32(300)
    exact, numpys = run(x, dout, lengths, np.float64), run(x, dout, lengths, np.float32)
    use_on_host(monkeypatch)
    got = run(x, dout, lengths, np.float32)
    for name, value in exact.items():
        error, limit = (np.abs(one[name] - value).max() for one in (got, numpys))
        assert error <= limit + 1e-6 * np.abs(value).max(), name


@pytest.mark.parametrize("shape", [(3, 5, 33), (3, 4, 6, 5)], ids=str)
def test_statistics_shared_by_two_processes(shape, monkeypatch, rng):
    """The other process has the same minibatch, so that every sum is doubled."""
    x, dout, lengths = draw(rng, shape)
    both = run(*(np.concatenate([a, a]) for a in (x, dout, lengths)), np.float64)
    own = {name: both[name][: len(x)] for name in ("out", "dx")}
    own |= {name: 7 + (both[name] - 7) / 2 for name in ("gamma", "beta")}
    own |= {name: both[name] for name in ("running_mean", "running_var")}
    sizes = []

    def all_reduce(array):
        sizes.append(array.size)
        array *= 2

    use_on_host(monkeypatch)
    assert_equal(run(x, dout, lengths, np.float32, all_reduce=all_reduce), own)
    H = shape[-1] if len(shape) == 3 else shape[1]
    assert sizes == [H + 1, H, 2 * H]  # numbers of three all-reduces


@pytest.mark.parametrize(("training", "launches"), [(True, 5), (False, 3)])
def test_launches(training, launches, monkeypatch, rng):
    """Three forward and two backward; in evaluation one forward."""
    given, launched = draw(rng, (3, 5, 33)), []
    use_on_host(monkeypatch)
    load = kernels.load

    def counting(name):
        launched.append(name)
        return load(name)

    monkeypatch.setattr(kernels, "load", counting)
    run(*given, np.float32, training)
    assert launched == ["batchnorm"] * launches


BOTH_SHAPES = (MAX_PARTS + 6, 3, 40), (3, 2, 30, 40)
MISTAKES = {
    "no barrier between two halvings": (
        "        __syncthreads();\n        if (threadIdx.x < far)",
        "        if (threadIdx.x < far)",
    ),
    "no barrier before the sum is read": ("__syncthreads();\n    return shared", "return shared"),
    "no barrier before the next sum": ("__syncthreads();  // the sum", "// the sum"),
    "the last halving is forgotten": ("far >= lanes", "far > lanes"),
    "the last feature is forgotten": ("feature() < C;", "feature() < C - 1;"),
    "padding counts": ("lengths[n] * at.frame()", "numbers"),
    "padding is left as it is": ("i < stop; i += at.threads()", "i < real; i += at.threads()"),
    "parts of a sum at the wrong distance": ("+ C, parts_of_all, 2 * C", "+ C, parts_of_all, C"),
    "the squares are not centred": ("float centred = x[i] - centre;", "float centred = x[i];"),
    "every part adds to the gradients": ("if (at.part() == 0) {", "{"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch, rng):
    given = [draw(rng, shape) for shape in BOTH_SHAPES]
    expected = [run(*of_shape, np.float64) for of_shape in given]
    planted = "batchnorm", *MISTAKES[mistake]

    def run_all():
        for order in ORDERS:
            use_on_host(monkeypatch, order, planted)
            for of_shape, results in zip(given, expected, strict=True):
                assert_equal(run(*of_shape, np.float32), results)

    with pytest.raises((AssertionError, RuntimeError)):
        run_all()
