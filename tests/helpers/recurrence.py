"""The loops over time of recurrent layers by kernels, against those of the layers in NumPy."""

import numpy as np

from ds2np.kernels import recurrent
from ds2np.kernels.recurrent import plan_persistent, recurrent_backward, recurrent_forward
from ds2np.layers import Bidirectional

SHARED = 200 * 1024  # bytes of shared memory of a block


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


def plan(layer, N, way):
    if way == "steps":
        return None
    two_groups = recurrent.FREE + 2 * layer.directions * -(-layer.H // 32)
    precision = "bf16x3" if way == "tensor" else "float32"
    sizes = layer.H, layer.gates, layer.directions, N
    found = plan_persistent(*sizes, two_groups, SHARED, precision)
    assert found.tensor == (way == "tensor")
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


# In float32, and also on tensor cores: a product of split numbers is wrong by 3 * 2^-16 at most.
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


def check(layer, N, T, rng, way, from_zeros=False):
    """Check both passes of a layer by "persistent" kernels, "tensor" cores or "steps"."""
    given = draw(layer, N, T, rng)
    if from_zeros:
        given = (given[0], None, *given[2:])
    planned = plan(layer, N, way)
    got = run(layer, given, planned)
    again = run(layer, given, planned)
    for one, other in zip(got, again, strict=True):
        np.testing.assert_array_equal(one, other)  # bit for bit
    assert_equal(got, layer, given)
