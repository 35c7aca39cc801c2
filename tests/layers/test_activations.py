"""The clipped ReLU: its values and, at the two kinks, the same slope wherever it is used."""

import numpy as np
import pytest

from ds2np.layers import GRU, Bidirectional, ClippedReLU, SimpleRNN
from ds2np.layers.activations import clipped_relu_backward, clipped_relu_forward

X = np.array([-np.inf, -1, -1e-9, 0, 1e-9, 7, 20 - 1e-9, 20, 20 + 1e-9, np.inf])
SLOPES = [0, 0, 0, 0, 1, 1, 1, 0, 0, 0]


def test_it_passes_what_lies_strictly_between_the_kinks():
    out, cache = clipped_relu_forward(X)
    np.testing.assert_array_equal(out, [min(max(x, 0), 20) for x in X])
    np.testing.assert_array_equal(clipped_relu_backward(np.full(len(X), 3.0), cache) / 3, SLOPES)


@pytest.mark.parametrize("time_axis", [1, 2])
def test_the_layer_has_slope_0_at_both_kinks(time_axis):
    x = X[1:-1].reshape(1, -1, 1) if time_axis == 1 else X[1:-1].reshape(1, 1, -1, 1)
    layer = ClippedReLU(time_axis)
    layer.forward(x, np.array([len(X) - 2]))
    np.testing.assert_array_equal(layer.backward(np.ones_like(x)).ravel(), SLOPES[1:-1])


@pytest.mark.parametrize("kind", [SimpleRNN, GRU])
@pytest.mark.parametrize("directions", [1, 2])
def test_recurrent_layers_have_slope_0_at_both_kinks(kind, directions, rng):
    """One frame, without recurrence: the gradient of the bias is that of the activation."""
    H = len(X) - 2
    options = {"batchnorm": False, "activation": "clipped_relu", "dtype": np.float64}
    make = kind if directions == 1 else lambda *a, **o: Bidirectional(kind, *a, **o)
    layer = make(1, H, rng, **options)
    layer.params["b"][-H:] = X[1:-1]  # of the candidate, in a GRU
    layer.forward(np.zeros((1, 1, 1)), np.array([1]))
    layer.backward(np.ones((1, 1, H)))
    share = 1 if kind is SimpleRNN else 0.5  # z = sigma(0)
    expected = directions * share * np.array(SLOPES[1:-1])
    np.testing.assert_allclose(layer.grads["b"][-H:], expected)
