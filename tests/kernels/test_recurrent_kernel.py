"""The loops over time of recurrent layers as kernels, against the loops of the layers in NumPy."""

import numpy as np
import pytest
from helpers.host_kernels import run_sanitized, use_on_host

from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels import recurrent
from ds2np.kernels.host import ORDERS, why_not_on_host
from ds2np.kernels.recurrent import plan_persistent, recurrent_backward, recurrent_forward
from ds2np.layers import GRU, Bidirectional, SimpleRNN

if why_not_on_host():
    pytest.skip(f"no kernels on the host: {why_not_on_host()}", allow_module_level=True)

SHARED = 200 * 1024  # bytes of shared memory of a block


@pytest.fixture(params=ORDERS)
def order(request, monkeypatch):
    use_on_host(monkeypatch, request.param)
    monkeypatch.setattr(recurrent, "REGISTERS", {2: 10_000})  # small blocks are quicker here
    return request.param


def make(kind, H, rng, directions=2, **options):
    """Make a layer in float64 whose loops are the oracle."""
    options = {"dtype": np.float64, "activation": "tanh", **options}
    if directions == 1:
        return kind(3, H, rng, **options)
    return Bidirectional(kind, 3, H, rng, **options)


def draw(layer, N, T, rng):
    B, GH = layer.directions, layer.gates * layer.H
    a = rng.standard_normal((N, T, layer.inputs, GH))
    dout = rng.standard_normal((N, T, *layer.out_shape(None)))
    lengths = rng.integers(0, T + 1, N)
    lengths[0] = T
    return a, rng.standard_normal((B, N, layer.H)), lengths, dout


def plan(layer, N, persistent):
    if not persistent:
        return None
    two_groups = recurrent.FREE + 2 * layer.directions * -(-layer.H // 32)
    found = plan_persistent(layer.H, layer.gates, layer.directions, N, two_groups, SHARED)
    assert found
    return found


def run(layer, given, plan):
    a, state, lengths, dout = (
        x if x is None or x.dtype.kind == "i" else x.astype(np.float32) for x in given
    )
    padding = np.arange(dout.shape[1]) >= lengths[:, None]
    a[padding], dout[padding] = np.nan, np.nan
    U = layer.params["U"].astype(np.float32)
    out, kept = recurrent_forward(a, U, state, lengths, layer.activation, layer.merge, plan)
    da, dU = recurrent_backward(dout, kept)
    return out, kept.h, da, dU


def assert_equal(got, layer, given, tolerance=5e-5):
    a, state, lengths, dout = given
    padding = np.arange(dout.shape[1]) >= lengths[:, None]
    dout[padding] = 0
    out, _, cache = layer._loop_forward(a, state, lengths)
    da, dU = layer._loop_backward(dout, cache)
    da[padding] = 0
    for name, mine, right in (("out", got[0], out), ("da", got[2], da), ("dU", got[3], dU)):
        assert mine.shape == right.shape, name
        scale = max(1, np.abs(right).max(initial=0))
        np.testing.assert_allclose(mine / scale, right / scale, atol=tolerance, err_msg=name)
    assert not got[0][padding].any()
    assert not got[2][padding].any()
    for n, length in enumerate(lengths):  # an utterance that has ended keeps its state
        assert (got[1][:, length:, n] == got[1][:, length, None, n]).all()


def check(layer, N, T, rng, persistent, from_zeros=False):
    given = draw(layer, N, T, rng)
    if from_zeros:
        given = (given[0], None, *given[2:])
    planned = plan(layer, N, persistent)
    got = run(layer, given, planned)
    again = run(layer, given, planned)
    for one, other in zip(got, again, strict=True):
        np.testing.assert_array_equal(one, other)  # bit for bit
    assert_equal(got, layer, given)


KINDS = pytest.mark.parametrize("kind", [GRU, SimpleRNN])
WAYS = pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "steps"])


@KINDS
@WAYS
@pytest.mark.parametrize("activation", ["tanh", "clipped_relu"])
@pytest.mark.parametrize("options", [{}, {"share_input": False}, {"merge": "concat"}], ids=str)
def test_both_directions(kind, persistent, activation, options, order, rng):
    check(make(kind, 33, rng, activation=activation, **options), 5, 6, rng, persistent)


@KINDS
@WAYS
def test_one_direction_from_zeros(kind, persistent, order, rng):
    check(make(kind, 33, rng, directions=1), 3, 4, rng, persistent, from_zeros=True)


@pytest.mark.parametrize("order", ["random"], indirect=True)
@KINDS
@WAYS
@pytest.mark.parametrize(
    ("H", "N", "T"), [(1, 1, 1), (1, 17, 3), (160, 17, 2), (256, 1, 2), (512, 3, 2), (1280, 64, 2)]
)
def test_sizes(kind, persistent, H, N, T, order, rng):
    if kind is GRU and H == 1280:
        H = 640  # the random weights of a GRU take three times as long to draw
    check(make(kind, H, rng), N, T, rng, persistent)


@pytest.mark.parametrize("kind", [GRU, SimpleRNN])
@pytest.mark.parametrize("persistent", [True, False], ids=["persistent", "steps"])
def test_a_layer_by_kernels(kind, persistent, to, rng, monkeypatch):
    monkeypatch.setattr(recurrent, "REGISTERS", {2: 100} if persistent else {})
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
    check(make(GRU, 40, rng), 3, 5, rng, persistent=True)
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


PERSISTENT, STEPS = "recurrent_persistent", "recurrent_steps"
# file, correct, wrong; each stands once in its source
MISTAKES = {
    "does not wait": (PERSISTENT, "if (first == group.first) group.wait(k);", ""),
    "waits for a frame less": (PERSISTENT, "group.wait(group.last - k)", "group.wait(0)"),
    "arrives before all threads": (
        PERSISTENT,
        "        __syncthreads();\n        if (threadIdx",
        "        if (threadIdx",
    ),
    "counters are left": (PERSISTENT, "arrived[0] = arrived[1] = 0", "arrived[1] = 0"),
    "no zeros between the slices": (PERSISTENT, "    clear<HIDDEN>(tile);\n", ""),
    "the first warp is forgotten": (
        PERSISTENT,
        "for (int warp = 0; warp < WARPS; ++warp)\n        sum",
        "for (int warp = 1; warp < WARPS; ++warp)\n        sum",
    ),
    "the wrong neighbour": (
        PERSISTENT,
        "odd ? even_unit : odd_unit, 8)",
        "odd ? even_unit : odd_unit, 16)",
    ),
    "no barrier after the product": (
        PERSISTENT,
        "                (odd ? odd_unit : even_unit) + c;\n        }\n    }\n    __syncthreads();",
        "                (odd ? odd_unit : even_unit) + c;\n        }\n    }",
    ),
    "the chunk before": (
        PERSISTENT,
        "at_state(s, group.direction, k, first);",
        "at_state(s, group.direction, k, group.first);",
    ),
    "loaded for the wrong frame": (
        PERSISTENT,
        "ahead = load_backward(s, dout, h, kept, group.direction, k - 1,",
        "ahead = load_backward(s, dout, h, kept, group.direction, k,",
    ),
    "a state of the same frame": (
        PERSISTENT,
        "x.old = h[at_state(s, direction, k, n)",
        "x.old = h[at_state(s, direction, k + 1, n)",
    ),
    "turned with the padding": (PERSISTENT, "frames - 1 - k : k", "frames - k : k"),
    "padding has a gradient": (
        STEPS,
        "    if (k < frames[n]) {\n        const Loaded",
        "    if (true) {\n        const Loaded",
    ),
    "nothing is carried": (STEPS, "x.dout + carry[i]", "x.dout"),
    "padding has an output": (STEPS, " && t < frames[n]; ++direction", "; ++direction"),
    "an ended utterance goes on": (
        STEPS,
        "    if (k < frames[n]) {\n        const int frame",
        "    if (true) {\n        const int frame",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch):
    name, right, wrong = MISTAKES[mistake]
    counters = np.zeros(1000, np.uint32)
    monkeypatch.setattr(recurrent, "_counters", lambda run: counters)
    monkeypatch.setattr(recurrent, "REGISTERS", {2: 10_000})

    def is_found(order):
        use_on_host(monkeypatch, order, (name, right, wrong))
        rng = np.random.default_rng(0)
        try:
            with np.errstate(all="ignore"):  # a mistake may read what was never written
                check(make(GRU, 36, rng, merge="concat"), 5, 6, rng, name == PERSISTENT)
        except (AssertionError, RuntimeError):
            return True
        return False

    assert any(map(is_found, ORDERS))


def test_no_index_leaves_its_array(tmp_path):
    """Run odd sizes with the address sanitizer, in a separate process."""
    script = tmp_path / "watched.py"
    script.write_text(WATCHED)
    ended = run_sanitized(script)
    assert ended.returncode == 0, ended.stderr[:3000]
    right, wrong = "bool mine = warp < rows && j < HIDDEN", "bool mine = warp < rows"
    assert kernels.read_source("recurrent_persistent").count(right) == 1
    script.write_text(WATCHED.replace("(source)", f"(source.replace({right!r}, {wrong!r}))"))
    assert "heap-buffer-overflow" in run_sanitized(script).stderr


WATCHED = """
import functools
import numpy as np
from ds2np import kernels
from ds2np.backend import to_cpu
from ds2np.kernels import recurrent
from ds2np.kernels.host import HostModule

@functools.cache
def load(name, cooperative=False, **defines):
    source = kernels.read_source(name)
    source = (source)
    return HostModule(source, sanitize=True, cooperative=cooperative, defines=defines)

kernels.load, recurrent.REGISTERS = load, {2: 10_000}
for gates, H, N, T, merge in ((3, 33, 5, 3, "sum"), (1, 7, 3, 2, "concat")):
    a = np.zeros((N, T, 1, gates * H), np.float32)
    U = np.zeros((2, H, gates * H), np.float32)
    lengths = np.arange(N) % T + 1
    dout = np.ones((N, T, H * (1 + (merge == "concat"))), np.float32)
    for plan in recurrent.plan_persistent(H, gates, 2, N, 12, 10**6), None:
        _, run = recurrent.recurrent_forward(a, U, None, lengths, "tanh", merge, plan)
        recurrent.recurrent_backward(dout, run)
"""
