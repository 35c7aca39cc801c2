"""Thousands of symbols: the same numbers, in no more memory than the logits and their gradient."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

from ds2np.backend import to_cpu, to_gpu, why_no_gpu
from ds2np.ctc import ctc_loss, ctc_loss_only
from ds2np.ctc.lattice import Lattice
from ds2np.data.batches import Batch
from ds2np.evaluate import evaluate
from ds2np.layers import log_softmax
from ds2np.learn.fake_gpu import fake_gpu
from ds2np.train.step import add_gradients


def batch(rng, N, T, V, L, dtype=np.float32, symbols=None):
    """Return logits and transcripts; what is padding holds nan, and labels that are no symbols."""
    logits = (2 * rng.standard_normal((N, T, V))).astype(dtype)
    labels = rng.integers(1, symbols or V, (N, L))
    frames, counts = rng.integers(T // 2, T + 1, N), rng.integers(0, L + 1, N)
    frames[0], counts[0] = T, L
    for n in range(N):
        logits[n, frames[n] :], labels[n, counts[n] :] = np.nan, -1
    return logits, labels, frames, counts


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


@pytest.fixture
def large(rng):
    """More states, 161, than frames, so that an array (N, S, V) would be larger than the logits."""
    return batch(rng, 3, 120, 5000, 80)


class Peak:
    """The memory that a block takes at its peak, beside what there was, in sizes of the logits."""

    def __init__(self, logits):
        self.unit = logits.nbytes

    def __enter__(self):
        tracemalloc.start()
        return self

    def __exit__(self, *error):
        self.taken = tracemalloc.get_traced_memory()[1] / self.unit
        tracemalloc.stop()


def test_memory_of_the_loss_and_its_gradient(large):
    with Peak(large[0]) as peak:
        ctc_loss(*large)
    assert 1 <= peak.taken < 1.35  # the gradient; the logits are the other one


def test_memory_of_the_loss_alone(large):
    with Peak(large[0]) as peak:
        ctc_loss_only(*large)
    assert peak.taken < 0.35


def test_memory_of_the_log_softmax(large):
    with Peak(large[0]) as peak:
        log_softmax(large[0])
    assert 1 <= peak.taken < 1.35


def test_memory_of_arrays_on_a_gpu_without_kernels(large):
    logits, *given = large
    logits = logits.astype(np.float64)
    with fake_gpu():
        on_gpu = to_gpu(logits)
        with Peak(logits) as peak:
            ctc_loss(on_gpu, *given)
    assert 1 <= peak.taken < 1.35


def test_memory_of_a_training_step(large):
    """The gradient is divided in place, and the logits are gone before the backward pass."""
    logits, labels, frames, counts = large
    held = []

    def backward(dlogits, layer_done):
        held.append(tracemalloc.get_traced_memory()[0])

    model = SimpleNamespace(forward=lambda x, lengths: (x.copy(), lengths), backward=backward)
    with Peak(logits) as peak:
        add_gradients(model, Batch(np.arange(3), logits, frames, labels, counts), 0.5)
    assert 2 <= peak.taken < 2.35
    assert 1 <= held[0] / logits.nbytes < 1.35


def test_memory_of_an_evaluation(large, monkeypatch):
    logits, labels, frames, counts = large
    log_probs = log_softmax(logits)
    minibatch = Batch(np.arange(3), logits, frames, labels, counts)
    monkeypatch.setattr(
        "ds2np.evaluate.evaluation.network_outputs", lambda *given: [(minibatch, log_probs, frames)]
    )
    one = SimpleNamespace(text="a", score=0.0, acoustic=0.0, lm=0.0)
    recogniser = SimpleNamespace(list_hypotheses=lambda log_probs, lengths: [[one]] * 3)
    dataset = SimpleNamespace(texts=["a"] * 3, __len__=lambda: 3)
    with Peak(logits) as peak:
        evaluation = evaluate(recogniser, dataset, left_out=SimpleNamespace(show=id, check=id))
    assert peak.taken < 0.35
    assert evaluation.loss == pytest.approx(float(ctc_loss(*large)[0].mean()), rel=1e-6)
