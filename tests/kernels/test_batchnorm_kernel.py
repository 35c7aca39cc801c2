"""The kernels of batch normalisation, on the host, against the NumPy version in float64."""

import numpy as np
import pytest
from helpers.host_kernels import in_every_order, use_on_host

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
    (70, 3, 2),
    (2, 700, 2),
    (3, 0, 4),
    (0, 4, 4),
    (2, 3, 6, 5),
    (65, 1, 2, 3),
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
    lengths[: N > 0] = T
    lengths[1::3] = 0
    x = (3 + 2 * rng.standard_normal(shape)).astype(np.float32)
    dout = rng.standard_normal(shape).astype(np.float32)
    for n, length in enumerate(lengths):
        x[n, ..., length:, :] = dout[n, ..., length:, :] = dirt
    return x, dout, lengths


def run(x, dout, lengths, dtype, training=True, all_reduce=None):
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
    out = layer.forward(x.astype(dtype), lengths)
    dx = layer.backward(dout.astype(dtype))
    return {"out": out, "dx": dx, **layer.grads, **layer.buffers}


def assert_equal(got, expected, tolerance=5e-5):
    for name, value in expected.items():
        assert got[name].dtype == np.float32
        scale = max(1, np.abs(value).max(initial=0))
        np.testing.assert_allclose(got[name], value, rtol=0, atol=tolerance * scale, err_msg=name)


@by_shape
@in_every_order
@pytest.mark.parametrize("training", [True, False])
def test_it_equals_numpy(shape, order, training, monkeypatch, rng):
    given = draw(rng, shape)
    expected = run(*given, np.float64, training)
    use_on_host(monkeypatch, order)
    got = run(*given, np.float32, training)
    assert_equal(got, expected)
    for n, length in enumerate(given[2]):
        assert not got["out"][n, ..., length:, :].any()
        assert not got["dx"][n, ..., length:, :].any()
