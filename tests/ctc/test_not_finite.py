"""Logits that are nan or infinite: impossible symbols, and frames without a softmax."""

import itertools

import numpy as np
import pytest

from ds2np.ctc import ctc_loss, forced_align, state_posterior

BROKEN = {
    "nan": (slice(1, 2), np.nan),
    "nan in a symbol of no state": (slice(3, 4), np.nan),
    "inf": (slice(1, 2), np.inf),
    "inf in a symbol of no state": (slice(3, 4), np.inf),
    "-inf in all symbols": (slice(None), -np.inf),
}


def batch(rng, dtype):
    labels, lengths = np.array([[1, 2], [2, 2], [1, 0]]), np.array([6, 5, 6])
    return rng.standard_normal((3, 6, 4)).astype(dtype), labels, lengths, np.array([2, 2, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", BROKEN)
def test_without_a_softmax_the_loss_is_nan_and_the_others_keep_theirs(case, dtype, rng):
    logits, *rest = batch(rng, dtype)
    expected = [*ctc_loss(logits, *rest), state_posterior(logits, *rest)]
    symbols, value = BROKEN[case]
    logits[1, 3, symbols] = value
    got = [*ctc_loss(logits, *rest), state_posterior(logits, *rest)]
    assert np.isnan(got[0]).tolist() == [False, True, False]
    assert not got[1][1].any()
    assert not got[2][1].any()
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a[[0, 2]], b[[0, 2]], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", BROKEN)
def test_padding_may_be_anything(case, rng):
    logits, *rest = batch(rng, np.float64)
    expected = ctc_loss(logits, *rest)
    symbols, value = BROKEN[case]
    logits[1, 5, symbols] = value
    np.testing.assert_array_equal(ctc_loss(logits, *rest)[0], expected[0])
    np.testing.assert_array_equal(ctc_loss(logits, *rest)[1], expected[1])


def sum_over_paths(logits, text):
    """Return p of a text, and its gradient by the logits, over all V^T paths."""
    y = np.exp(logits)
    y /= y.sum(axis=1, keepdims=True)
    T, V = logits.shape
    p, through = 0.0, np.zeros((T, V))
    for path in itertools.product(range(V), repeat=T):
        if [symbol for symbol, _ in itertools.groupby(path) if symbol] == text:
            of_path = y[range(T), path].prod()
            p += of_path
            through[range(T), path] += of_path
    return p, y - through / p if p else np.zeros((T, V))


@pytest.mark.parametrize("text", [[1, 2], [2, 2], [3], []])
def test_impossible_symbols(text, rng):
    logits = rng.standard_normal((1, 5, 4))
    logits[0, 1, 2] = logits[0, 3, 0] = logits[0, 2, 3] = -np.inf
    loss, dlogits = ctc_loss(logits, np.array([text], int), np.array([5]), np.array([len(text)]))
    p, expected = sum_over_paths(logits[0], text)
    assert loss[0] == (pytest.approx(-np.log(p), abs=1e-12) if p else np.inf)
    np.testing.assert_allclose(dlogits[0], expected, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_transcript_of_impossible_symbols_has_infinite_loss(dtype, rng):
    logits, *rest = batch(rng, dtype)
    logits[1, :, 2] = -np.inf  # its only label
    loss, dlogits = ctc_loss(logits, *rest)
    assert loss[1] == np.inf
    assert np.isfinite(loss[[0, 2]]).all()
    assert not dlogits[1].any()
    assert not state_posterior(logits, *rest)[1].any()


def test_alignment_with_impossible_symbols():
    log_probs = np.log([[0.2, 0.5, 0.3]] * 4)
    log_probs[2, 1] = log_probs[0, 0] = -np.inf
    assert forced_align(log_probs, [1, 1]).path.tolist() == [1, 1, 0, 1]
    log_probs[1, 1] = log_probs[0, 1] = -np.inf
    with pytest.raises(ValueError, match="every path of the transcript has a symbol of log-prob"):
        forced_align(log_probs, [1, 1])
    for wrong in (np.nan, np.inf):
        log_probs[3, 2] = wrong
        with pytest.raises(ValueError, match=f"log_probs: symbol 2 has {wrong} in frame 3"):
            forced_align(log_probs, [1])
