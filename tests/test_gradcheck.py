"""The checker itself: wrong backward passes that look plausible have to be caught."""

import numpy as np
import pytest

import ds2np.layers.batchnorm
import ds2np.layers.conv
import ds2np.layers.gru
import ds2np.layers.linear
import ds2np.layers.rnn
from ds2np.gradcheck import check_layer, compare_gradients, numerical_gradient
from ds2np.layers import GRU, Bidirectional, ClippedReLU, Conv2D, Linear, SeqBatchNorm, SimpleRNN

LENGTHS = np.array([6, 3, 5])


def test_numerical_gradient_of_a_known_function(rng):
    x = rng.standard_normal((3, 2))
    before = x.copy()
    gradient = numerical_gradient(lambda: float((x**3).sum()), x)
    np.testing.assert_allclose(gradient, 3 * before**2, atol=1e-8)
    np.testing.assert_array_equal(x, before)


def test_numerical_gradient_needs_float64():
    with pytest.raises(ValueError, match="finite differences need float64"):
        numerical_gradient(lambda: 0.0, np.zeros(2, np.float32))


def test_the_message_says_where_and_what():
    comparison = compare_gradients("W", np.array([[1.0, 2.0]]), np.array([[1.0, 2.5]]))
    assert not comparison.ok
    assert str(comparison).startswith("WRONG W")
    assert "largest at [0, 1]: got 2, expected 2.5" in str(comparison)


def test_nan_is_wrong():
    assert not compare_gradients("W", np.array([np.nan]), np.array([0.0])).ok


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(2,\); its array has \(3,\)"):
        compare_gradients("W", np.zeros(2), np.zeros(3))


def spoil(module, name, change):
    """Return a function that replaces module.name by a version whose result is changed."""

    def plant(monkeypatch):
        right = getattr(module, name)
        wrong = staticmethod(lambda *args: change(right(*args), *args))
        monkeypatch.setattr(module, name, wrong)

    return plant


def replaced(index, change):
    """Change one of the gradients that a backward function returns."""
    return lambda result, *_: tuple(
        change(value) if i == index else value for i, value in enumerate(result)
    )


def one_element(value):
    value = value.copy()
    value.ravel()[-1] *= 1.001
    return value


def swap_gates(da):
    """Exchange z and r."""
    z, r, c = np.split(da, 3, axis=-1)
    return np.concatenate([r, z, c], axis=-1)


def without_last_frame(da):
    da = da.copy()
    da[:, -1] = 0
    return da


def no_statistics(result, dout, cache):
    """Treat mean and variance as constants."""
    _, _, _, inverse_std, gamma, _, _ = cache
    _, dgamma, dbeta = result
    column = (1, 1, -1) if dout.ndim == 3 else (1, -1, 1, 1)
    return dout * (gamma * inverse_std).reshape(column), dgamma, dbeta


def padding_counted(result, dout, cache):
    """Divide by all frames, the padded ones included."""
    dx, dgamma, dbeta = result
    plain = no_statistics(result, dout, cache)[0]
    return plain + (dx - plain) * cache[5].mean(), dgamma, dbeta


linear, conv = ds2np.layers.linear, ds2np.layers.conv
norm, rnn, gru = ds2np.layers.batchnorm, ds2np.layers.rnn, ds2np.layers.gru

F8 = np.float64
LAYERS = {
    "linear": (lambda r: Linear(3, 4, r, dtype=F8), (3, 6, 3)),
    "conv": (lambda r: Conv2D(2, 3, (3, 5), (2, 2), r, dtype=F8), (3, 2, 6, 7)),
    "norm": (lambda r: SeqBatchNorm(3, dtype=F8), (3, 6, 3)),
    "norm of images": (lambda r: SeqBatchNorm(2, 2, dtype=F8), (3, 2, 6, 3)),
    "rnn": (lambda r: Bidirectional(SimpleRNN, 3, 4, r, dtype=F8), (3, 6, 3)),
    "gru": (lambda r: Bidirectional(GRU, 3, 4, r, dtype=F8), (3, 6, 3)),
}
WRONG = {
    "linear: dx without transposing back": (
        "linear",
        linear,
        "linear_backward",
        replaced(0, np.sin),
    ),
    "linear: dW twice": ("linear", linear, "linear_backward", replaced(1, lambda d: 2 * d)),
    "linear: dW of the wrong sign": ("linear", linear, "linear_backward", replaced(1, np.negative)),
    "linear: one element off by 0.1 %": (
        "linear",
        linear,
        "linear_backward",
        replaced(1, one_element),
    ),
    "conv: filters turned": (
        "conv",
        conv,
        "conv2d_backward",
        replaced(1, lambda d: d[:, :, ::-1, ::-1].copy()),
    ),
    "conv: dx shifted by one": (
        "conv",
        conv,
        "conv2d_backward",
        replaced(0, lambda d: np.roll(d, 1, axis=2)),
    ),
    "conv: no dx": ("conv", conv, "conv2d_backward", replaced(0, np.zeros_like)),
    "conv: channels exchanged": (
        "conv",
        conv,
        "conv2d_backward",
        replaced(1, lambda d: d[:, ::-1].copy()),
    ),
    "norm: statistics taken as constants": ("norm", norm, "seq_batchnorm_backward", no_statistics),
    "norm: padding counted": ("norm", norm, "seq_batchnorm_backward", padding_counted),
    "norm: dgamma and dbeta exchanged": (
        "norm",
        norm,
        "seq_batchnorm_backward",
        lambda result, *_: (result[0], result[2], result[1]),
    ),
    "norm of images: statistics taken as constants": (
        "norm of images",
        norm,
        "seq_batchnorm_backward",
        no_statistics,
    ),
    "rnn: dU twice": ("rnn", SimpleRNN, "steps_backward", replaced(1, lambda d: 2 * d)),
    "rnn: dU transposed": (
        "rnn",
        SimpleRNN,
        "steps_backward",
        replaced(1, lambda d: d.swapaxes(1, 2).copy()),
    ),
    "rnn: directions exchanged": (
        "rnn",
        SimpleRNN,
        "steps_backward",
        replaced(1, lambda d: d[::-1].copy()),
    ),
    "rnn: last frame forgotten": (
        "rnn",
        SimpleRNN,
        "steps_backward",
        replaced(0, without_last_frame),
    ),
    "gru: gates exchanged": ("gru", GRU, "steps_backward", replaced(0, swap_gates)),
    "gru: dU without the last gate": (
        "gru",
        GRU,
        "steps_backward",
        replaced(1, lambda d: d * (np.arange(d.shape[2]) < 8)),
    ),
    "gru: no gradient through time": (
        "gru",
        gru,
        "recurrent_weight_gradient",
        lambda d, *_: np.zeros_like(d),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
def test_right_backward_passes_are_found_right(name, rng):
    make, shape = LAYERS[name]
    assert all(c.ok for c in check_layer(make(rng), rng.standard_normal(shape), LENGTHS))


@pytest.mark.parametrize("name", WRONG)
def test_wrong_backward_passes_are_caught(name, monkeypatch, rng):
    layer, module, function, change = WRONG[name]
    spoil(module, function, change)(monkeypatch)
    make, shape = LAYERS[layer]
    assert not all(c.ok for c in check_layer(make(rng), rng.standard_normal(shape), LENGTHS))


def test_a_layer_that_ignores_the_ceiling_is_caught(rng):
    class Wrong(ClippedReLU):
        def backward(self, dout):
            self.take_cache()
            return dout * (self.x > 0)

        def forward(self, x, lengths):
            self.x = x
            return super().forward(x, lengths)

    x = np.full((3, 6, 3), 25.0)
    assert not all(c.ok for c in check_layer(Wrong(), x, np.array([6, 6, 6])))
