import numpy as np
import pytest

from ds2np.optim.ema import EMA


@pytest.mark.parametrize("keep", [0, 0.5, 0.98])
def test_the_mean_against_a_weighted_sum(keep, rng):
    weights = rng.standard_normal((60, 3))
    params = {"w": weights[0].copy()}
    ema = EMA(params, keep)
    for step, values in enumerate(weights[1:], start=1):
        params["w"][...] = values
        ema.update(step)
    # The share of each step's weights: its share then, times the decay of every later step.
    kept = np.array([min(keep, step / (step + 10)) for step in range(1, 60)])
    shares = [np.prod(kept), *((1 - kept) * np.append(np.cumprod(kept[:0:-1])[::-1], 1))]
    assert sum(shares) == pytest.approx(1)
    np.testing.assert_allclose(ema.mean["w"], shares @ weights, atol=1e-12)


def test_steps_long_ago_are_forgotten():
    params = {"w": np.full(2, 1000.0, np.float32)}
    ema = EMA(params, 0.98)
    params["w"][...] = 1
    for step in range(1, 501):
        ema.update(step)
    np.testing.assert_allclose(ema.mean["w"], 1, atol=1e-2)
    assert ema.mean["w"].dtype == np.float32


def test_the_weights_are_restored_after_an_interruption():
    params = {"w": np.array([1.0, 2.0])}
    ema = EMA(params, 0.98)
    same_array = params["w"]
    params["w"] += 5

    def fail():
        with ema.in_place():
            np.testing.assert_array_equal(same_array, [1, 2])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    np.testing.assert_array_equal(same_array, [6, 7])
    assert params["w"] is same_array


@pytest.mark.parametrize("keep", [-0.1, 1, 2, np.nan])
def test_a_decay_out_of_its_range_is_refused(keep):
    with pytest.raises(ValueError, match=f"keep is {keep}, expected a number from 0 to below 1"):
        EMA({"w": np.ones(2)}, keep)


@pytest.mark.parametrize("dtype", [np.float16, int])
def test_only_single_and_double_precision(dtype):
    with pytest.raises(ValueError, match=f"the parameter w is {np.dtype(dtype)}, expected float32"):
        EMA({"w": np.ones(2, dtype)}, 0.9)
