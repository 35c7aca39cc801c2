"""What people pass to CTC's functions: other types, orders and shapes of arrays, and wrong ones."""

import numpy as np
import pytest

from ds2np.ctc import ctc_loss, forced_align, min_frames, state_posterior
from ds2np.layers import log_softmax

INTEGERS = ["i1", "u1", "i2", "u2", "i4", "u4", "u8", ">i4", ">u2"]


def batch(rng, dtype=np.float64):
    """Return logits, and transcripts of 90 and 0 labels: twice 90 is beyond int8."""
    logits = rng.standard_normal((2, 120, 29)).astype(dtype)
    return logits, rng.integers(1, 29, (2, 90)), np.array([120, 110]), np.array([90, 0])


@pytest.mark.parametrize("kind", INTEGERS)
@pytest.mark.parametrize("function", [ctc_loss, state_posterior])
def test_labels_and_lengths_of_any_integer_type(function, kind, rng):
    logits, *integers = batch(rng)
    expected = function(logits, *integers)
    got = function(logits, *(a.astype(kind) for a in integers))
    np.testing.assert_array_equal(np.concatenate(got, None), np.concatenate(expected, None))


def test_many_labels_in_bytes(rng):
    logits, labels = rng.standard_normal((1, 250, 29)), rng.integers(1, 29, (1, 130))
    expected, _ = ctc_loss(logits, labels, np.array([250]), np.array([130]))
    got, _ = ctc_loss(logits, labels.astype("u1"), np.array([250], "u1"), np.array([130], "u1"))
    assert got == expected


@pytest.mark.parametrize("kind", INTEGERS)
def test_labels_of_other_functions_of_any_integer_type(kind, rng):
    log_probs, labels = log_softmax(rng.standard_normal((120, 29))), rng.integers(1, 29, 80)
    assert min_frames(labels.astype(kind)) == min_frames(labels)
    got, expected = forced_align(log_probs, labels.astype(kind)), forced_align(log_probs, labels)
    assert got.score == expected.score
    np.testing.assert_array_equal(got.path, expected.path)


def test_a_blank_of_a_small_type_leaves_the_labels_as_they_are(rng):
    logits, labels = rng.standard_normal((1, 9, 300)), np.array([[299, 256, 7]])
    rest = labels, np.array([9]), np.array([3])
    expected, _ = ctc_loss(logits, *rest)
    assert ctc_loss(logits, *rest, blank=np.uint8(0))[0] == expected
    assert forced_align(log_softmax(logits[0]), labels[0], np.uint8(0)).path.max() == 299


def reversed_twice(x):
    return np.ascontiguousarray(x[::-1, :, ::-1])[::-1, :, ::-1]


def read_only(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "change",
    [
        reversed_twice,
        read_only,
        np.asfortranarray,
        lambda x: x.transpose(1, 0, 2).copy().transpose(1, 0, 2),
        lambda x: x.astype(x.dtype.newbyteorder(">")),
    ],
    ids=["negative strides", "read-only", "Fortran order", "time-major", "big-endian"],
)
def test_logits_in_any_layout(change, dtype, rng):
    logits, *rest = batch(rng, dtype)
    expected, kept = [*ctc_loss(logits, *rest), state_posterior(logits, *rest)], logits.copy()
    path = forced_align(log_softmax(logits[0]), rest[0][0]).path
    given = change(logits)
    got = [*ctc_loss(given, *map(read_only, rest)), state_posterior(given, *rest)]
    for a, b in zip(got, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(given, kept)
    log_probs = change(log_softmax(logits[:1]))[0]
    np.testing.assert_array_equal(forced_align(log_probs, rest[0][0]).path, path)


def test_lists(rng):
    given = batch(rng)
    expected = ctc_loss(*given)
    got = ctc_loss(*(a.tolist() for a in given))
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_array_equal(got[1], expected[1])
    assert ctc_loss(np.zeros((1, 2, 3)), [[]], [2], [0])[0] == pytest.approx(2 * np.log(3))
    assert ctc_loss(np.zeros((0, 2, 3)), np.zeros((0, 0)), [], [])[0].shape == (0,)


@pytest.mark.parametrize("kind", [np.float16, np.longdouble, complex, int, bool, object])
def test_other_types_of_logits_are_refused(kind):
    logits = np.zeros((1, 4, 3)).astype(kind)
    for function in (ctc_loss, state_posterior):
        with pytest.raises(ValueError, match=r"^logits: expected float32 or float64 of shape \(N"):
            function(logits, np.array([[1]]), np.array([4]), np.array([1]))
    with pytest.raises(ValueError, match=r"^log_probs: expected float32 or float64 of shape \(T"):
        forced_align(logits[0], [1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": [[[0.0, 1.0], [1.0]]]}, "logits: expected an array, got rows of unequal"),
        ({"labels": [[1], [1, 2]]}, "labels: expected an array, got rows of unequal length"),
        ({"labels": [[True], [True]]}, r"labels: expected integers of shape \(2, L\), got bool"),
        ({"labels": [["a"], ["b"]]}, r"labels: expected integers of shape \(2, L\), got <U1"),
        ({"labels": np.array([[2**63], [1]], "u8")}, "label 0 of utterance 0 is "),
        ({"input_lengths": 3}, r"input_lengths: expected integers of shape \(2,\), got int64 \(\)"),
        ({"input_lengths": [3.0, 2.0]}, "input_lengths: expected integers"),
        ({"label_lengths": [1, None]}, "label_lengths: expected integers"),
        ({"blank": 0.0}, "blank is 0.0, expected an integer"),
        ({"blank": None}, "blank is None, expected an integer"),
        ({"blank": -1}, "blank is -1, expected a symbol from 0 to 3"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    good = {
        "logits": np.zeros((2, 3, 4)),
        "labels": [[1], [2]],
        "input_lengths": [3, 3],
        "label_lengths": [1, 1],
    }
    for function in (ctc_loss, state_posterior):
        with pytest.raises(ValueError, match=f"^{message}"):
            function(**{**good, **change})


@pytest.mark.parametrize(
    ("labels", "got"),
    [
        ([1.0, 2.5], r"float64 \(2,\)"),
        ([[1, 2]], r"int64 \(1, 2\)"),
        (3, r"int64 \(\)"),
        ("ab", r"<U2 \(\)"),
        ([True], r"bool \(1,\)"),
    ],
)
def test_wrong_labels_of_one_transcript_are_named(labels, got):
    message = rf"^labels: expected integers of shape \(L,\), got {got}"
    with pytest.raises(ValueError, match=message):
        min_frames(labels)
    with pytest.raises(ValueError, match=message):
        forced_align(np.zeros((5, 4)), labels)
