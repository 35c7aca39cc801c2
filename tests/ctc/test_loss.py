import itertools

import numpy as np
import pytest

from ds2np.ctc import ctc_loss, min_frames
from ds2np.gradcheck import compare_gradients, numerical_gradient
from ds2np.layers import log_softmax


def collapse(path, blank):
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


@pytest.mark.parametrize("blank", [0, 2])
@pytest.mark.parametrize(("T", "V"), [(1, 3), (4, 3), (6, 3), (6, 4)])
def test_loss_equals_the_sum_over_all_paths(T, V, blank, rng):
    logits = rng.standard_normal((1, T, V))
    probabilities = np.exp(log_softmax(logits[0]))
    expected = {}
    for path in itertools.product(range(V), repeat=T):
        text = collapse(path, blank)
        of_path = np.prod([p[symbol] for p, symbol in zip(probabilities, path, strict=True)])
        expected[text] = expected.get(text, 0) + of_path
    for text, probability in expected.items():
        labels = np.array(text, dtype=int).reshape(1, -1)
        loss, _ = ctc_loss(logits, labels, np.array([T]), np.array([len(text)]), blank)
        assert loss[0] == pytest.approx(-np.log(probability), abs=1e-10)


def batch(rng, dtype=np.float64):
    """Return utterances of all kinds: repeats, an empty transcript, a tight fit, no fit."""
    logits = (3 * rng.standard_normal((6, 8, 5))).astype(dtype)
    labels = np.array([[1, 2, 3], [2, 2, 2], [9, 9, 9], [4, 4, 9], [1, 1, 9], [3, 9, 9]])
    input_lengths = np.array([8, 5, 6, 7, 2, 1])
    label_lengths = np.array([3, 3, 0, 2, 2, 1])
    return logits, labels, input_lengths, label_lengths


def test_gradient_agrees_with_finite_differences(rng):
    logits, *rest = batch(rng)
    weight = rng.standard_normal(6)
    weight[4] = 0  # does not fit: its loss is infinite

    def loss():
        losses = ctc_loss(logits, *rest)[0]
        return float(weight @ np.where(np.isfinite(losses), losses, 0))

    got = ctc_loss(logits, *rest)[1] * weight[:, None, None]
    comparison = compare_gradients("logits", got, numerical_gradient(loss, logits))
    assert comparison.ok, str(comparison)


def test_a_transcript_that_does_not_fit_has_infinite_loss_and_no_gradient(rng):
    loss, dlogits = ctc_loss(*batch(rng))
    assert np.isinf(loss).tolist() == [False, False, False, False, True, False]
    assert (dlogits[4] == 0).all()
    assert np.isfinite(dlogits).all()


def test_no_frames(rng):
    loss, dlogits = ctc_loss(
        rng.standard_normal((2, 4, 3)), np.array([[1], [1]]), np.array([0, 0]), np.array([0, 1])
    )
    assert loss.tolist() == [0, np.inf]
    assert (dlogits == 0).all()
    loss, dlogits = ctc_loss(np.zeros((2, 0, 3)), np.array([[1], [1]]), np.zeros(2, int), [0, 1])
    assert loss.tolist() == [0, np.inf]
    assert dlogits.shape == (2, 0, 3)


def test_padding_has_no_gradient_and_no_influence(rng):
    logits, labels, input_lengths, label_lengths = batch(rng)
    loss, dlogits = ctc_loss(logits, labels, input_lengths, label_lengths)
    for n, (T, L) in enumerate(zip(input_lengths, label_lengths, strict=True)):
        assert (dlogits[n, T:] == 0).all()
        logits[n, T:] = np.nan
        alone = ctc_loss(logits[n : n + 1, :T], labels[n : n + 1, :L], [T], [L])
        np.testing.assert_allclose(alone[0], loss[n])
        np.testing.assert_allclose(alone[1][0], dlogits[n, :T], atol=1e-12)
    again = ctc_loss(logits, labels, input_lengths, label_lengths)
    np.testing.assert_array_equal(again[0], loss)
    np.testing.assert_array_equal(again[1], dlogits)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_that_goes_in_comes_out(dtype, rng):
    loss, dlogits = ctc_loss(*batch(rng, dtype))
    assert loss.dtype == dlogits.dtype == dtype


@pytest.mark.parametrize(("T", "L", "tolerance"), [(300, 100, 5e-6), (1500, 400, 1e-4)])
def test_float32_keeps_the_gradient(T, L, tolerance, rng):
    logits = (2 * rng.standard_normal((2, T, 29))).astype(np.float32)
    rest = rng.integers(1, 29, (2, L)), np.array([T, T]), np.array([L, L])
    loss, dlogits = ctc_loss(logits, *rest)
    exact_loss, exact = ctc_loss(logits.astype(np.float64), *rest)
    assert np.abs(dlogits - exact).max() <= tolerance
    np.testing.assert_allclose(loss, exact_loss, rtol=1e-6)


def test_min_frames_counts_a_blank_between_equal_neighbours():
    assert min_frames([]) == 0
    assert min_frames([1, 2, 1]) == 3
    assert min_frames([1, 1, 1, 2, 2]) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logits": np.zeros((2, 3))}, r"logits: expected .* got float64 \(2, 3\)"),
        ({"logits": np.zeros((2, 3, 4), int)}, r"logits: expected .* got int64 \(2, 3, 4\)"),
        (
            {"labels": np.array([1, 2])},
            r"labels: expected integers of shape \(2, L\), got int64 \(2,\)",
        ),
        ({"labels": np.array([[1.0], [2.0]])}, "labels: expected .* got float64"),
        ({"labels": np.array([[1], [4]])}, "label 0 of utterance 1 is 4"),
        ({"labels": np.array([[0], [1]])}, "other than the blank, 0"),
        ({"input_lengths": np.array([3, 4])}, "from 0 to 3"),
        ({"input_lengths": np.array([3, -1])}, "from 0 to 3"),
        ({"label_lengths": np.array([1, 2])}, "from 0 to 1"),
        ({"label_lengths": np.array([1])}, r"expected integers of shape \(2,\)"),
        ({"blank": 4}, "blank is 4, expected a symbol from 0 to 3"),
    ],
)
def test_what_does_not_fit_together_is_refused(change, message):
    good = {
        "logits": np.zeros((2, 3, 4)),
        "labels": np.array([[1], [2]]),
        "input_lengths": np.array([3, 3]),
        "label_lengths": np.array([1, 1]),
    }
    ctc_loss(**good)
    with pytest.raises(ValueError, match=message):
        ctc_loss(**{**good, **change})
