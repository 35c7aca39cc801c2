"""The contract of `Layer`, one test for each promise, over all cases of the registry."""

import numpy as np
import pytest
from helpers.layers import assert_gradients_add_up

from ds2np.gradcheck import check_layer
from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.layers.padding import zero_padding

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
both_dtypes = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def run(layer, x, lengths, rng):
    """Run a layer forward and backward with a random upstream gradient."""
    out = layer.forward(x, lengths)
    upstream = rng.standard_normal(out.shape).astype(x.dtype)
    return out, layer.backward(upstream)


def padded(x, lengths, axis):
    """Return the padded frames of a batch, side by side."""
    moved = np.moveaxis(x, axis, 1)
    return np.concatenate([row[n:].ravel() for row, n in zip(moved, lengths, strict=True)])


@every_case
def test_gradients_agree_with_finite_differences(case, rng):
    for comparison in check_layer(case.layer(), case.x(rng), LENGTHS):
        assert comparison.ok, str(comparison)


@every_case
def test_gradients_in_evaluation_mode(case, rng):
    layer = case.layer()
    layer.forward(case.x(rng), LENGTHS)  # running statistics other than 0 and 1
    layer.set_training(False)
    for comparison in check_layer(layer, case.x(rng), LENGTHS):
        assert comparison.ok, str(comparison)


@every_case
def test_backward_adds_to_gradients_and_zero_grads_clears_them(case, rng):
    assert_gradients_add_up(case, rng)


@every_case
def test_backward_without_forward_raises(case, rng):
    layer, x = case.layer(), case.x(rng)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(x)
    out = layer.forward(x, LENGTHS)
    layer.backward(np.ones_like(out))
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(np.ones_like(out))
    layer.forward(x, LENGTHS)
    layer.clear_cache()
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(np.ones_like(out))


@every_case
def test_inputs_and_parameters_stay_as_they_are(case, rng):
    layer, x = case.layer(), case.x(rng)
    x.flags.writeable = False
    for value in layer.params.values():
        value.flags.writeable = False
    out = layer.forward(x, LENGTHS)
    upstream = rng.standard_normal(out.shape)
    upstream.flags.writeable = False
    layer.backward(upstream)


@every_case
@both_dtypes
def test_the_dtype_that_goes_in_comes_out(case, dtype, rng):
    layer = case.layer(dtype)
    out, dx = run(layer, case.x(rng, dtype), LENGTHS, rng)
    arrays = [out, dx, *layer.params.values(), *layer.grads.values(), *layer.buffers.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


@every_case
def test_padding_comes_out_as_zero(case, rng):
    layer = case.layer()
    for value in layer.params.values():
        value += 0.5  # a bias of 0 would hide an error
    out, dx = run(layer, case.x(rng), LENGTHS, rng)
    out_axis = 2 if out.ndim == 4 else 1
    assert (padded(out, layer.out_lengths(LENGTHS), out_axis) == 0).all()
    assert (padded(dx, LENGTHS, case.time_axis) == 0).all()


@every_case
def test_garbage_in_the_padding_changes_nothing(case, rng):
    x = zero_padding(case.x(rng), LENGTHS, case.time_axis)
    dirty = np.where(zero_padding(np.ones_like(x), LENGTHS, case.time_axis) > 0, x, np.nan)
    clean, messy = case.layer(), case.layer()
    out = clean.forward(x, LENGTHS)
    np.testing.assert_array_equal(messy.forward(dirty, LENGTHS), out)
    upstream = rng.standard_normal(out.shape)
    out_lengths, out_axis = clean.out_lengths(LENGTHS), 2 if out.ndim == 4 else 1
    real = zero_padding(np.ones_like(out), out_lengths, out_axis) > 0
    dx = clean.backward(np.where(real, upstream, 0))
    np.testing.assert_array_equal(messy.backward(np.where(real, upstream, np.nan)), dx)
    for name, grad in clean.grads.items():
        np.testing.assert_array_equal(messy.grads[name], grad)


@every_case
def test_a_batch_equals_its_utterances_one_by_one(case, rng):
    layer, x = case.layer(), case.x(rng)
    layer.forward(x, LENGTHS)
    layer.set_training(False)
    out = layer.forward(x, LENGTHS)
    upstream = rng.standard_normal(out.shape)
    dx = layer.backward(upstream)
    grads = {name: grad.copy() for name, grad in layer.grads.items()}
    layer.zero_grads()
    for n, length in enumerate(LENGTHS):
        one = np.moveaxis(
            np.moveaxis(x[n : n + 1], case.time_axis, 1)[:, :length], 1, case.time_axis
        )
        alone = layer.forward(np.ascontiguousarray(one), LENGTHS[n : n + 1])
        axis = 2 if alone.ndim == 4 else 1
        frames = [slice(None)] * alone.ndim
        frames[0], frames[axis] = slice(n, n + 1), slice(alone.shape[axis])
        np.testing.assert_allclose(alone, out[tuple(frames)], rtol=1e-10, atol=1e-12)
        dalone = layer.backward(upstream[tuple(frames)])
        frames = [slice(None)] * dx.ndim
        frames[0], frames[case.time_axis] = slice(n, n + 1), slice(length)
        np.testing.assert_allclose(dalone, dx[tuple(frames)], rtol=1e-10, atol=1e-12)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grad, grads[name], rtol=1e-9, atol=1e-12)


@every_case
def test_state_dict_round_trips(case, rng):
    layer, other = case.layer(seed=0), case.layer(seed=1)
    layer.forward(case.x(rng), LENGTHS)
    other.load_state_dict({name: value.copy() for name, value in layer.state_dict().items()})
    layer.set_training(False)
    other.set_training(False)
    x = case.x(rng)
    np.testing.assert_array_equal(other.forward(x, LENGTHS), layer.forward(x, LENGTHS))


def test_state_dict_that_does_not_fit_is_refused_before_anything_changes():
    layer = CASES[0].layer()
    good = {name: value.copy() for name, value in layer.state_dict().items()}
    for bad, message in (
        ({"W": good["W"]}, "'b' is missing"),
        ({**good, "V": good["W"]}, "'V' is not a parameter"),
        ({**good, "b": good["b"][:2]}, r"'b' has shape \(2,\), expected \(4,\)"),
    ):
        bad = {**bad, "W": good["W"] + 1}
        with pytest.raises(ValueError, match=message):
            layer.load_state_dict(bad)
        np.testing.assert_array_equal(layer.params["W"], good["W"])
