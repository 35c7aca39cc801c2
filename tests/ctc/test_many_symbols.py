"""Thousands of symbols: the same numbers."""

import numpy as np
import pytest
from helpers.many_symbols import batch

from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss, ctc_loss_only
from ds2np.ctc.lattice import Lattice
from ds2np.layers import log_softmax
from ds2np.learn.fake_gpu import fake_gpu


@pytest.mark.parametrize("scale", [1, 25])
def test_symbols_of_no_transcript_count_by_their_sum(scale, rng):
    """Together they are one symbol, whose logit is the log of the sum of their exponentials."""
    V, used = 90, 6
    logits, *given = batch(rng, 4, 50, V, 9, np.float64, used)
    logits *= scale  # probabilities suffice, and do not
    with np.errstate(invalid="ignore"):  # the padding
        rest = np.logaddexp.reduce(logits[:, :, used:], axis=2)
    few = np.concatenate([logits[:, :, :used], rest[:, :, None]], axis=2)
    (loss, dlogits), (expected, dfew) = ctc_loss(logits, *given), ctc_loss(few, *given)
    np.testing.assert_allclose(loss, expected, rtol=1e-12)
    np.testing.assert_allclose(dlogits[:, :, :used], dfew[:, :, :used], atol=1e-12)
    y = np.where(np.isnan(logits), 0, np.exp(log_softmax(logits)))
    np.testing.assert_allclose(dlogits[:, :, used:], y[:, :, used:], atol=1e-12)


@pytest.mark.parametrize("V", [5, 70])
def test_the_loss_without_its_gradient(V, rng):
    given = batch(rng, 5, 30, V, 7)
    given[2][3] = 2  # too short
    given[0][4, 1] = np.nan
    loss = ctc_loss_only(*given)
    np.testing.assert_array_equal(loss, ctc_loss(*given)[0])
    assert np.isinf(loss[3]) | (given[3][3] < 2)
    assert np.isnan(loss[4])


@pytest.mark.parametrize("V", [5, 70])
def test_a_gpu_without_kernels_gives_the_same(V, rng):
    given = batch(rng, 4, 30, V, 7, np.float64)
    expected = *ctc_loss(*given), ctc_loss_only(*given)
    with fake_gpu():
        logits = to_gpu(given[0])
        got = [*ctc_loss(logits, *given[1:]), ctc_loss_only(logits, *given[1:])]
        got = [to_cpu(a) for a in got]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gpu_gives_the_same(dtype, rng):
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    logits, *given = batch(rng, 4, 60, 3000, 12, dtype)
    loss, dlogits = ctc_loss(to_gpu(logits), *given)
    expected, gradient = ctc_loss(logits, *given)
    np.testing.assert_allclose(to_cpu(loss), expected, rtol=1e-5)
    np.testing.assert_allclose(to_cpu(dlogits), gradient, atol=3e-5)
    alone = ctc_loss_only(to_gpu(logits), *given)
    np.testing.assert_array_equal(to_cpu(alone), to_cpu(loss))


def test_the_table_of_symbols():
    lattice = Lattice(np.array([[3, 1, 3], [2, 0, 0]]), np.array([9, 9]), np.array([3, 1]), 0)
    table, n, column, symbols = lattice.symbol_table(np.empty(0))
    assert list(zip(n, column, symbols, strict=True)) == [
        *((0, 0, 0), (0, 1, 1), (0, 2, 3)),
        *((1, 0, 0), (1, 1, 2)),
    ]
    assert table[0].argmax(axis=1).tolist() == [0, 2, 0, 1, 0, 2, 0]
    assert table[1].argmax(axis=1).tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert (table.sum(axis=2) == 1).all()
