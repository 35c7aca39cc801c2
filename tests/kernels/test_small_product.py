"""Products of a few rows with weights of float16, by a kernel, against NumPy in float64."""

import numpy as np
import pytest
from helpers.host_kernels import in_every_order, run_sanitized, use_on_host

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.errors import UserError
from ds2np.kernels import recurrent
from ds2np.kernels.host import ORDERS, why_not_on_host
from ds2np.kernels.small_product import plan_slices, round_to_half, small_product
from ds2np.layers import GRU, Bidirectional, Conv1D, Linear, SimpleRNN

if why_not_on_host():
    pytest.skip(f"no kernels on the host: {why_not_on_host()}", allow_module_level=True)


def draw(B, n, D, H, rng):
    x = rng.standard_normal((B, n, D)).astype(np.float32)
    return x, rng.standard_normal((B, D, H)).astype(np.float16)


def multiply(x, W, to=np.copy):
    out = to(np.full((*x.shape[:2], W.shape[2]), np.nan, np.float32))
    assert small_product(to(x), to(W), out) is out
    return to_cpu(out)


def check(x, W, to=np.copy):
    got = multiply(x, W, to)
    np.testing.assert_array_equal(got, multiply(x, W, to))  # bit for bit
    exact = x.astype(np.float64) @ W.astype(np.float64)
    norms = np.linalg.norm(x, axis=2)[..., None] * np.linalg.norm(W.astype(float), axis=1)[:, None]
    assert (np.abs(got - exact) <= 1e-6 * norms).all()


SHAPES = [(1, 1, 1), (1, 33, 33), (2, 33, 29), (3, 160, 64), (4, 127, 65), (5, 1, 8)]
SHAPES += [(6, 512, 33), (7, 129, 72), (8, 300, 96)]


@in_every_order
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_equals_numpy(shape, order, rng, monkeypatch):
    use_on_host(monkeypatch, order)
    check(*draw(2, *shape, rng))


@pytest.mark.parametrize("n", range(1, 9))
def test_all_small_batches(n, to, rng):
    check(*draw(1, n, 1312, 96, rng), to)


def test_one_block_or_many_for_the_same_columns(rng, monkeypatch):
    use_on_host(monkeypatch)
    x, W = draw(1, 2, 1280, 24, rng)
    for multiprocessors in (1, 2, 132):
        monkeypatch.setattr(kernels, "limits", lambda x, count=multiprocessors: (count, 0))
        check(x, W)


def test_every_float16_is_itself(to):
    """Also the smallest ones, below the normal numbers."""
    bits = np.arange(2**16, dtype=np.uint16)
    W = bits[np.isfinite(bits.view(np.float16))].view(np.float16)[None]
    got = multiply(np.ones((1, 1, 1), np.float32), W[None], to)
    np.testing.assert_array_equal(got[0], W.astype(np.float32))


def test_rows_of_states_that_are_not_beside_each_other(to, rng):
    """As in a recurrence: one frame of (B, T + 1, N, H)."""
    h, W = rng.standard_normal((2, 4, 3, 40)).astype(np.float32), draw(2, 1, 40, 24, rng)[1]
    out = to(np.zeros((2, 3, 24), np.float32))
    small_product(to(h)[:, 2], to(W), out)
    np.testing.assert_array_equal(to_cpu(out), multiply(h[:, 2].copy(), W, to))


def test_the_counters_are_left_as_they_are_found(rng, monkeypatch):
    use_on_host(monkeypatch)
    counters = np.zeros(100, np.uint32)
    monkeypatch.setattr(kernels, "counters", lambda x, count: counters)
    check(*draw(2, 3, 600, 70, rng))
    assert not counters.any()


def test_slices():
    """Whole loops of 128 rows, each row in one slice, two blocks a multiprocessor if possible."""
    assert plan_slices(1312, 24, 132) == (11, 128)
    assert plan_slices(1312, 132, 132) == (2, 768)
    assert plan_slices(2560, 240, 132) == (3, 896)
    assert plan_slices(1, 1, 132) == (1, 128)
    assert plan_slices(0, 1, 132) == (1, 128)
    for D in (1, 127, 128, 129, 1024, 1025, 5000):
        for tiles in (1, 7, 500):
            parts, slice = plan_slices(D, tiles, 132)
            assert slice % 128 == 0
            assert slice <= 1024
            assert (parts - 1) * slice < D <= parts * slice


def test_weights_that_do_not_fit():
    weights = np.float32([1e-9, 0.5, 65504, 1 + 2**-12])
    half = round_to_half(weights, "W")
    assert half.dtype == np.float16
    for rounded in (half, weights):
        np.testing.assert_array_equal(rounded, [0, 0.5, 65504, 1])
    for weight in (65505, -1e9, np.inf, np.nan):
        with pytest.raises(UserError, match=r"U holds a weight of size .*, expected at most"):
            round_to_half(np.float32([1, weight]), "U")


def test_inference_only(to, rng):
    layer = Linear(40, 24, rng)
    layer.move(to)
    x = to(rng.standard_normal((1, 3, 40)).astype(np.float32))
    if to is np.copy:
        with pytest.raises(UserError, match="precision half needs a GPU"):
            Linear(2, 3, rng, dtype=np.float64).set_precision("half")
    layer.set_precision("half")
    out = layer.forward(x, np.array([3]))
    with pytest.raises(RuntimeError, match="for inference: there is no backward"):
        layer.backward(out)
    layer.set_precision("float32")
    layer.forward(x, np.array([3]))
    layer.backward(out)


LAYERS = {
    "Linear": lambda rng: Linear(40, 24, rng),
    "Conv1D": lambda rng: Conv1D(40, 24, 3, 1, rng),
    "GRU": lambda rng: GRU(40, 24, rng),
    "both directions": lambda rng: Bidirectional(SimpleRNN, 40, 24, rng, share_input=False),
}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("N", [2, 9])
def test_a_layer_with_half_the_bits(kind, N, rng, monkeypatch):
    """It computes what the layer computes with rounded weights; launched frame by frame."""
    rounded, layer = LAYERS[kind](rng), LAYERS[kind](np.random.default_rng(0))
    layer.load_state_dict(rounded.state_dict())
    for name in layer.matrices:
        rounded.params[name][...] = rounded.params[name].astype(np.float16)
    x, lengths = rng.standard_normal((N, 3, 40)).astype(np.float32), np.full(N, 3)
    rounded.set_training(False)
    right = rounded.forward(x, lengths)
    use_on_host(monkeypatch)
    monkeypatch.setattr(recurrent, "REGISTERS", {})  # no weights fit on the chip
    load, launched = kernels.load, []
    monkeypatch.setattr(kernels, "load", lambda name, **d: launched.append(name) or load(name, **d))
    layer.set_training(False)
    layer.set_precision("half")
    for name, value in rounded.params.items():
        np.testing.assert_array_equal(layer.params[name], value)
    np.testing.assert_allclose(layer.forward(x, lengths), right, atol=1e-5)
    frames = 2 if kind in ("GRU", "both directions") else 0  # the first state is 0
    few = [3 * N <= 8] + frames * [N <= 8]
    assert launched.count("small_product") == sum(few)
    layer.set_precision("float32")
    launched.clear()
    np.testing.assert_allclose(layer.forward(x, lengths), right, atol=1e-5)
    assert "small_product" not in launched


MISTAKES = {
    "no barrier before the product": (
        "    __syncthreads();\n\n    const int column",
        "    const int column",
    ),
    "no barrier before the sums": (
        "    __syncthreads();\n\n    float* const mine",
        "    float* const mine",
    ),
    "only two threads of four": ("far = ACROSS; far < 32", "far = 2 * ACROSS; far < 32"),
    "the first warp is forgotten": ("warp = 0; warp < WARPS", "warp = 1; warp < WARPS"),
    "the first part is forgotten": ("p = 0; p < parts", "p = 1; p < parts"),
    "the last but one adds up": ("== parts - 1;", "== parts - 2;"),
    "counters are left": ("if (threadIdx.x == 0) finished[place] = 0;", ""),
    "the halves are swapped": ("two[c / 2] >> c % 2 * 16", "two[c / 2] >> (1 - c % 2) * 16"),
    "the same slice of x": ("r * D + first + d;", "r * D + d;"),
    "the wrong matrix": ("(size_t)matrix * D + first", "first"),
    "a sign is lost": ("half & 0x8000 ? -size : size", "size"),
    "denormals are 0": (
        "= __int_as_float((half",
        "= half % 0x8000 < 0x400 ? 0 : __int_as_float((half",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch):
    counters = np.zeros(100, np.uint32)
    monkeypatch.setattr(kernels, "counters", lambda x, count: counters)
    rng = np.random.default_rng(0)
    parts, alone = draw(2, 2, 300, 64, rng), draw(2, 2, 100, 64, rng)
    alone[1][1] = 2e-5  # so small that float16 has fewer bits for them

    def run_all():
        for order in ORDERS:
            use_on_host(monkeypatch, order, ("small_product", *MISTAKES[mistake]))
            check(*parts)
            check(*alone)

    with np.errstate(all="ignore"), pytest.raises((AssertionError, RuntimeError)):
        run_all()


WATCHED = """
import functools
import numpy as np
from ds2np import kernels
from ds2np.kernels.host import HostModule
from ds2np.kernels.products import split
from ds2np.kernels.small_product import small_product

@functools.cache
def load(name, **defines):
    return HostModule(kernels.read_source(name), sanitize=True, defines=defines)

kernels.load = load
for B, n, D, H in ((1, 1, 1, 1), (2, 1, 300, 29), (1, 2, 129, 72), (1, 2, 40, 64)):
    x, W = np.ones((B, n, D), np.float32), np.ones((B, D, H), np.float16)
    out = small_product(x, W, np.zeros((B, n, H), np.float32))
    assert (out == D).all()
    split(out[0])
"""


def test_no_index_leaves_its_array(tmp_path):
    """Of either kernel, with the address sanitizer, in a separate process."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    ended = run_sanitized(script)
    assert ended.returncode == 0, ended.stderr[:3000]
    right, wrong = "if (d + k * DOWN < count)", "if (true)"
    assert kernels.read_source("small_product").count(right) == 1
    changed = f"read_source(name).replace({right!r}, {wrong!r})"
    script.write_text(WATCHED.replace("read_source(name)", changed))
    assert "ERROR: AddressSanitizer" in run_sanitized(script).stderr
