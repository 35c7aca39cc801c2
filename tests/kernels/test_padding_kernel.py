"""Padding and the clipped ReLU by kernels, on the host and on a GPU, against the NumPy version."""

import numpy as np
import pytest
from helpers.host_kernels import in_every_order, use_on_host

from ds2np.backend import to_cpu
from ds2np.kernels.padding import lengths_beside
from ds2np.layers import ClippedReLU
from ds2np.layers.padding import zero_padding

# (N, T, H) and (N, C, T, F); pieces end within a run, a frame, and exactly at its end.
SHAPES = [
    (1, 1, 1),
    (17, 5, 33),
    (64, 3, 2),
    (2, 9, 512),
    (3, 7, 1280),
    (2, 16, 512),
    (3, 0, 4),
    (0, 3, 4),
    (3, 2, 6, 5),
    (2, 3, 70, 160),
    (2, 3, 5, 0),
]
by_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(rng, shape, dirt=np.nan):
    """Draw x and upstream gradient with garbage in their padding, lengths, and the time axis."""
    time_axis = len(shape) - 2
    N, T = shape[0], shape[time_axis]
    lengths = rng.integers(0, T + 1, N)
    lengths[:1], lengths[1::3] = T, 0
    x, dout = 15 * rng.standard_normal((2, *shape), np.float32)
    for n, length in enumerate(lengths):
        x[n, ..., length:, :] = dout[n, ..., length:, :] = dirt
    return x, dout, lengths, time_axis


def oracle(x, lengths, time_axis):
    real = np.arange(x.shape[time_axis]) < lengths[:, None]  # (N, T)
    return np.where(real[:, :, None] if time_axis == 1 else real[:, None, :, None], x, 0)


@by_shape
@in_every_order
def test_padding_is_set_to_0(shape, order, monkeypatch, rng):
    x, _, lengths, axis = draw(rng, shape)
    use_on_host(monkeypatch, order)
    check_padding(np.copy, x, lengths, axis)


def check_padding(to, x, lengths, axis):
    expected, given = oracle(x, lengths, axis), to(x)
    np.testing.assert_array_equal(to_cpu(zero_padding(given, lengths, axis)), expected)
    np.testing.assert_array_equal(to_cpu(given), x)
    assert zero_padding(given, lengths, axis, in_place=True) is given
    np.testing.assert_array_equal(to_cpu(given), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0)])
def test_arrays_that_are_not_contiguous(to, axes, dtype, rng):
    x, _, lengths, axis = draw(rng, (4, 5, 6))
    turned = np.ascontiguousarray(x.transpose(axes).astype(dtype)).transpose(np.argsort(axes))
    check_padding(
        lambda x: to(x.transpose(axes)).transpose(np.argsort(axes)), turned, lengths, axis
    )


def relu(x, dout, lengths, time_axis, dtype, to=np.copy):
    layer = ClippedReLU(time_axis)
    out = layer.forward(to(x.astype(dtype)), lengths)
    return to_cpu(out), to_cpu(layer.backward(to(dout.astype(dtype))))


@by_shape
@in_every_order
def test_the_clipped_relu_equals_numpy(shape, order, monkeypatch, rng):
    given = draw(rng, shape)
    expected = relu(*given, np.float64)
    use_on_host(monkeypatch, order)
    for got, value in zip(relu(*given, np.float32), expected, strict=True):
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, value)


def test_the_clipped_relu_at_its_kinks_and_beyond_numbers(to):
    x = np.array([-np.inf, -1, -0.0, 0, 1e-30, 1, 19.99, 20, 20.1, np.inf, np.nan], np.float32)
    out, dx = relu(x[None, :, None], np.full((1, 11, 1), 3.0), np.array([11]), 1, np.float32, to)
    expected = np.clip(x, 0, 20)
    np.testing.assert_array_equal(out.ravel(), expected)
    np.testing.assert_array_equal(dx.ravel(), 3 * ((expected > 0) & (expected < 20)))


def test_equal_lengths_are_copied_once(to):
    x = to(np.zeros(3, np.float32))
    kept = lengths_beside(x, np.array([3, 1, 2]))
    assert to_cpu(kept).tolist() == [3, 1, 2]
    assert kept.dtype == np.int32
    assert lengths_beside(x, np.array([3, 1, 2], np.uint8)) is kept
    assert to_cpu(lengths_beside(x, np.array([3, 1, 1]))).tolist() == [3, 1, 1]


MISTAKES = {
    "padding is left as it is": ("i < stop; i += THREADS", "i < real; i += THREADS"),
    "frames taken for numbers": ("lengths[k / runs] * frame", "lengths[k / runs]"),
    "all pieces begin at the same place": ("blockIdx.x % pieces * PIECE", "0"),
    "threads overlap": ("i < real; i += THREADS", "i < real; i += 2 * THREADS"),
    "the gradient passes at the ceiling": ("out[i] < ceiling ?", "out[i] <= ceiling ?"),
    "nan becomes 0": ("x[i] < 0 ? 0 :", "!(x[i] >= 0) ? 0 :"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_planted_mistakes_are_found(mistake, monkeypatch, rng):
    planted = "padding", *MISTAKES[mistake]
    x, dout, lengths, axis = draw(rng, (3, 2, 70, 160))
    x[0, 0, 0, :2] = 20, np.nan
    expected = relu(x, dout, lengths, axis, np.float64)
    use_on_host(monkeypatch, "forward", planted)
    results = oracle(x, lengths, axis), *expected
    got = zero_padding(x, lengths, axis), *relu(x, dout, lengths, axis, np.float32)
    assert any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(got, results, strict=True))
