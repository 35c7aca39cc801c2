"""Wrong input raises an error with a clear message, before anything has changed."""

import dataclasses
import re

import numpy as np
import pytest

from ds2np.gradcheck.cases import CASES, LENGTHS
from ds2np.layers import (
    Bidirectional,
    ClippedReLU,
    Dropout,
    FromChannels,
    ToChannels,
    log_softmax,
)

ANY_SIZE = (ClippedReLU, Dropout, FromChannels, ToChannels)  # and any kind of float

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
sized_case = pytest.mark.parametrize(
    "case", [case for case in CASES if case.make not in ANY_SIZE], ids=lambda case: case.name
)


def assert_refused(layer, x, lengths, message):
    """Check the message, that nothing has changed, and that there is no cache for backward."""
    arrays = {**layer.state_dict(), **{f"d{name}": grad for name, grad in layer.grads.items()}}
    before = {name: value.copy() for name, value in arrays.items()}
    with pytest.raises(ValueError, match=re.escape(message)):
        layer.forward(x, lengths)
    for name, value in before.items():
        np.testing.assert_array_equal(arrays[name], value, err_msg=name)
    with pytest.raises(RuntimeError, match="needs a forward pass"):
        layer.backward(x)


@every_case
@pytest.mark.parametrize(
    "change", [lambda x: x[0], lambda x: x[..., 0], lambda x: x[..., None]], ids=["-N", "-F", "+1"]
)
def test_another_rank(case, change, rng):
    x = change(case.x(rng))
    assert_refused(case.layer(), x, LENGTHS, f"the input has shape {x.shape}, expected (N, ")


@sized_case
@pytest.mark.parametrize("more", [-1, 1])
def test_another_number_of_features(case, more, rng):
    x = case.x(rng)
    axis = 1 if x.ndim == 4 else 2  # channels, or features
    x = np.repeat(x, 2, axis=axis).take(np.arange(x.shape[axis] + more), axis=axis)
    expected = ["N", "C", "T", "F"] if x.ndim == 4 else ["N", "T", "D"]
    expected[axis] = str(case.shape[axis])
    message = f"the input has shape {x.shape}, expected ({', '.join(expected)})"
    assert_refused(case.layer(), x, LENGTHS, message)


@sized_case
@pytest.mark.parametrize(
    ("given", "expected"), [(np.float64, np.float32), (np.float32, np.float64), (int, np.float32)]
)
def test_another_dtype_than_that_of_the_parameters(case, given, expected, rng):
    message = f"the input is {np.dtype(given)}, expected {np.dtype(expected)}"
    assert_refused(case.layer(expected), case.x(rng, given), LENGTHS, message)


@every_case
@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.uint8, int, bool, complex])
def test_numbers_that_are_not_floats_of_single_or_double_precision(case, dtype, rng):
    message = f"the input is {np.dtype(dtype)}, expected float"
    x = case.x(rng).astype(np.int8).astype(dtype)  # fits all of them
    assert_refused(case.layer(), x, LENGTHS, message)
    if case.make is not Bidirectional:  # which refuses all chunks
        layer = case.layer()
        layer.set_training(False)
        with pytest.raises(ValueError, match=message):
            layer.forward_chunk(x, None, last=True)


@every_case
@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.int8, complex])
def test_gradients_of_another_precision(case, dtype, rng):
    layer = case.layer()
    upstream = np.ones(layer.forward(case.x(rng), LENGTHS).shape)
    with pytest.raises(ValueError, match=f"is {np.dtype(dtype)}, expected float32 or float64"):
        layer.backward(upstream.astype(dtype))
    assert not any(grad.any() for grad in layer.grads.values())
    layer.backward(upstream)  # the forward pass still counts


@sized_case
@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, int, complex])
def test_parameters_of_another_precision(case, dtype):
    with pytest.raises(ValueError, match=f"is {np.dtype(dtype)}, expected float32 or float64"):
        case.layer(dtype)


@sized_case
def test_chunks_of_another_size(case, rng):
    if case.make is Bidirectional:
        return
    layer, x = case.layer(), case.x(rng)
    layer.set_training(False)
    axis = 1 if x.ndim == 4 else 2
    with pytest.raises(ValueError, match=r"the input has shape .*, expected "):
        layer.forward_chunk(np.concatenate([x, x], axis=axis), None, last=True)


@every_case
@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([6, 3, 5], "(3,), got list"),
        (6, "(3,), got int"),
        (None, "(3,), got NoneType"),
        (np.array([6, 3]), "(3,), got int64 (2,)"),
        (np.array([6, 3, 5, 1]), "(3,), got int64 (4,)"),
        (np.array([[6], [3], [5]]), "(3,), got int64 (3, 1)"),
        (np.array([6.0, 3.0, 5.0]), "(3,), got float64 (3,)"),
        (np.array([True, False, True]), "(3,), got bool (3,)"),
        (np.array([6, -1, 5]), "lengths are [6, -1, 5], expected values from 0 to 6"),
        (np.array([6, 3, 7]), "lengths are [6, 3, 7], expected values from 0 to 6"),
    ],
    ids=str,
)
def test_lengths_that_do_not_fit(case, lengths, message, rng):
    if "got" in message:
        with pytest.raises(ValueError, match="lengths: expected a NumPy integer array of shape"):
            case.layer().forward(case.x(rng), lengths)
    assert_refused(case.layer(), case.x(rng), lengths, message)


INTEGERS = [np.dtype(code) for code in np.typecodes["AllInteger"]]


@every_case
@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_lengths_may_be_any_integers(case, dtype, rng):
    """Frames, padding and strides may go beyond a small type, differences below 0."""
    lengths = np.array([min(np.iinfo(dtype).max, 260), 0, 3])
    shape = list(case.shape)
    shape[case.time_axis] = 260
    x = dataclasses.replace(case, shape=tuple(shape)).x(rng)
    expected, layer = case.layer(), case.layer()
    out = expected.forward(x, lengths)
    np.testing.assert_array_equal(layer.forward(x, lengths.astype(dtype)), out)
    upstream = rng.standard_normal(out.shape)
    np.testing.assert_array_equal(layer.backward(upstream), expected.backward(upstream))
    for name, grad in expected.grads.items():
        np.testing.assert_array_equal(layer.grads[name], grad)
    out_lengths = layer.out_lengths(lengths.astype(dtype))
    np.testing.assert_array_equal(out_lengths, expected.out_lengths(lengths))
    assert out_lengths.dtype == np.int64


@every_case
def test_output_lengths_of_anything_but_integers(case):
    for lengths in (np.array([1.5, 2.0]), np.array([True]), 2.0):
        with pytest.raises(ValueError, match=r"lengths are (float64|bool), expected integers"):
            case.layer().out_lengths(lengths)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.uint8, bool])
def test_log_softmax_of_anything_but_floats(dtype):
    with pytest.raises(ValueError, match=f"is {np.dtype(dtype)}, expected float32 or float64"):
        log_softmax(np.ones((2, 3), dtype))
    with pytest.raises(
        ValueError, match="the array of logits is list, expected float32 or float64"
    ):
        log_softmax([[1.0, 2.0]])
