"""Gradients that cannot be compared are refused: none of them is left out silently."""

import numpy as np
import pytest

from ds2np.gradcheck import check_gradients, check_layer, numerical_gradient
from ds2np.layers import Linear


def check(**gradients):
    arrays = {"v": np.ones(2), "w": np.ones(3)}
    return check_gradients(
        lambda: float(arrays["v"].sum() + arrays["w"].sum()), lambda: gradients, arrays
    )


def test_gradients_of_all_arrays_are_compared():
    assert [c.name for c in check(w=np.ones(3), v=np.ones(2)) if c.ok] == ["v", "w"]


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        (
            {"v": np.ones(2), "w": np.ones(3), "W": np.ones(3)},
            "backward returns a gradient of 'W', expected those of v, w",
        ),
        ({"w": np.ones(3)}, "backward returns no gradient of 'v', expected those of v, w"),
        ({"v": np.ones(2), "w": None}, "gradient of w: expected an array, got NoneType"),
        (
            {"v": np.ones(3), "w": np.ones(3)},
            r"gradient of v: expected shape \(2,\), got \(3,\)",
        ),
    ],
)
def test_gradients_that_do_not_fit_are_refused(gradients, message):
    with pytest.raises(ValueError, match=message):
        check(**gradients)


def test_a_layer_with_a_gradient_of_no_parameter_is_refused(rng):
    layer = Linear(3, 2, rng, dtype=np.float64)
    layer.grads["bias"] = np.zeros(2)
    with pytest.raises(ValueError, match="backward returns a gradient of 'bias', expected those"):
        check_layer(layer, rng.standard_normal((2, 4, 3)), np.array([4, 2]))


@pytest.mark.parametrize("eps", [0, -1e-5, np.nan, np.inf])
def test_a_step_that_is_not_above_0_is_refused(eps):
    with pytest.raises(ValueError, match=f"eps is {eps}, expected a number above 0"):
        numerical_gradient(lambda: 0.0, np.zeros(2), eps)
