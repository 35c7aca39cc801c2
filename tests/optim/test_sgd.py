import numpy as np
import pytest

from ds2np.optim import EMA, SGD, global_norm


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


def test_the_mean_moves_in_the_same_step(rng):
    params, others = {"a": np.ones(3)}, {"a": np.ones(3)}
    grads = {"a": rng.standard_normal(3)}
    one, two = (SGD(arrays, grads, learning_rate=0.1) for arrays in (params, others))
    mean, expected = EMA(params, 0.9), EMA(others, 0.9)
    for step in range(1, 4):
        assert one.step(mean, step) == two.step()
        expected.update(step)
    grads["a"][1] = np.nan
    one.step(mean, 4)
    np.testing.assert_array_equal(mean.mean["a"], expected.mean["a"])


def test_parameters_keep_their_dtype():
    params, grads = {"a": np.ones(2, np.float32)}, {"a": np.ones(2, np.float32)}
    optimiser = SGD(params, grads, learning_rate=0.1)
    optimiser.step()
    assert params["a"].dtype == optimiser.velocity["a"].dtype == np.float32


def test_global_norm_of_float32_is_summed_over_arrays_in_float64():
    grads = {str(i): np.full(4, 1e4 if i else 1e-2, np.float32) for i in range(3)}
    assert global_norm(grads) == pytest.approx((8e8 + 4e-4) ** 0.5, rel=1e-6)


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        *[("learning_rate", rate, "from 0") for rate in (-1e-3, np.nan, np.inf)],
        *[("momentum", m, "from 0 to below 1") for m in (-0.1, 1, 2, np.nan, np.inf)],
        *[("max_norm", norm, "above 0") for norm in (0, -5, np.nan)],
    ],
)
def test_numbers_out_of_their_range_are_refused(option, value, expected):
    params, grads = {"w": np.ones(2)}, {"w": np.ones(2)}
    options = {"learning_rate": 0.1, "momentum": 0.9, "max_norm": 1.0, option: value}
    name = option.replace("learning_rate", "the learning rate")
    with pytest.raises(ValueError, match=f"^{name} is {value}, expected a number {expected}$"):
        SGD(params, grads, **options)


def test_the_ends_of_the_ranges_are_accepted():
    params, grads = {"w": np.ones(2)}, {"w": np.full(2, 1e30)}
    SGD(params, grads, learning_rate=0, momentum=0, max_norm=np.inf).step()
    np.testing.assert_array_equal(params["w"], 1)


@pytest.mark.parametrize(
    ("grads", "message"),
    [
        ({}, "there is a parameter 'w', but no gradient of that name"),
        ({"w": np.ones(2), "v": np.ones(2)}, "there is a gradient 'v', but no parameter of that"),
        ({"w": np.ones(3)}, r"the gradient of w is float64 \(3,\), expected float64 \(2,\)"),
        ({"w": np.ones(1)}, r"the gradient of w is float64 \(1,\), expected float64 \(2,\)"),
        ({"w": np.ones(2, np.float32)}, r"is float32 \(2,\), expected float64 \(2,\)"),
        (
            {"w": np.ones(2, np.float16)},
            "the gradient of w is float16, expected float32 or float64",
        ),
        ({"w": [1.0, 1.0]}, "the gradient of w is list, expected float32 or float64"),
    ],
)
def test_gradients_that_do_not_match_are_refused(grads, message):
    with pytest.raises(ValueError, match=message):
        SGD({"w": np.ones(2)}, grads, learning_rate=0.1)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, int])
def test_only_single_and_double_precision(dtype):
    arrays = {"w": np.ones(2, dtype)}
    refused = f"w is {np.dtype(dtype)}, expected float32 or float64"
    with pytest.raises(ValueError, match=f"the parameter {refused}"):
        SGD(arrays, {"w": np.ones(2)}, learning_rate=0.1)
    with pytest.raises(ValueError, match=f"the gradient of {refused}"):
        global_norm(arrays)
