"""The memory that thousands of symbols take: never more than two arrays of the logits' size."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.many_symbols import batch

from ds2np.backend import to_gpu
from ds2np.ctc import ctc_loss, ctc_loss_only
from ds2np.data.batches import Batch
from ds2np.evaluate import evaluate
from ds2np.layers import log_softmax
from ds2np.learn.fake_gpu import fake_gpu
from ds2np.train.step import add_gradients


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

    def backward(dlogits, layer_done, to_input):
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
    recogniser = SimpleNamespace(
        list_hypotheses=lambda log_probs, lengths: [[one]] * 3,
        config=SimpleNamespace(alphabet=lambda: SimpleNamespace(has_spaces=True)),
    )
    dataset = SimpleNamespace(texts=["a"] * 3, __len__=lambda: 3)
    with Peak(logits) as peak:
        evaluation = evaluate(recogniser, dataset, left_out=SimpleNamespace(show=id, check=id))
    assert peak.taken < 0.35
    assert evaluation.loss == pytest.approx(float(ctc_loss(*large)[0].mean()), rel=1e-6)
