import numpy as np
import pytest

from ds2np.optim import SGD, global_norm


def test_nesterov_momentum_equals_its_definition(rng):
    """Sutskever et al.'s form evaluates the gradient at a look-ahead point.

    The optimiser's parameters are that point.
    """
    A = rng.standard_normal((3, 3))
    A = A @ A.T
    rate, momentum = 0.01, 0.9
    params, grads = {"w": np.ones(3)}, {"w": np.zeros(3)}
    optimiser = SGD(params, grads, rate, momentum, max_norm=1e9)
    position, velocity = np.ones(3), np.zeros(3)
    for _ in range(20):
        grads["w"][...] = A @ params["w"]
        optimiser.step()
        ahead = position + momentum * velocity
        velocity = momentum * velocity - rate * (A @ ahead)
        position = position + velocity
        np.testing.assert_allclose(params["w"], position + momentum * velocity, rtol=1e-12)


def test_large_gradients_are_scaled_down_to_the_norm():
    params, grads = {"a": np.zeros(1), "b": np.zeros(1)}, {"a": np.full(1, 30), "b": np.full(1, 40)}
    grads = {name: grad.astype(float) for name, grad in grads.items()}
    norm = SGD(params, grads, learning_rate=1, momentum=0, max_norm=5).step()
    assert norm == pytest.approx(50)
    np.testing.assert_allclose([params["a"][0], params["b"][0]], [-3, -4])


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_changes_nothing(bad):
    params, grads = {"a": np.ones(2)}, {"a": np.array([1, bad])}
    optimiser = SGD(params, grads, learning_rate=1)
    assert not np.isfinite(optimiser.step())
    assert (params["a"] == 1).all()
    assert (optimiser.velocity["a"] == 0).all()


def test_parameters_keep_their_dtype():
    params, grads = {"a": np.ones(2, np.float32)}, {"a": np.ones(2, np.float32)}
    optimiser = SGD(params, grads, learning_rate=0.1)
    optimiser.step()
    assert params["a"].dtype == optimiser.velocity["a"].dtype == np.float32


def test_global_norm_of_float32_is_summed_over_arrays_in_float64():
    grads = {str(i): np.full(4, 1e4 if i else 1e-2, np.float32) for i in range(3)}
    assert global_norm(grads) == pytest.approx((8e8 + 4e-4) ** 0.5, rel=1e-6)
