"""Properties of every layer and of the CTC loss, at any shape and any lengths."""

import dataclasses
import itertools

import numpy as np
import pytest
from helpers.layers import make, time_axis
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.ctc import ctc_loss
from ds2np.gradcheck.cases import CASES
from ds2np.layers import Dropout

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
few = settings(deadline=None, derandomize=True, max_examples=6)
some = settings(deadline=None, derandomize=True, max_examples=30)

seeds = st.integers(0, 2**32 - 1)
# Some utterances have no frames, but never all of a batch.
batches = st.lists(st.integers(0, 6), min_size=1, max_size=4).filter(any).map(np.array)


def draw_input(case, N, T, rng):
    shape = list(case.shape)
    shape[0], shape[case.time_axis] = N, T
    return dataclasses.replace(case, shape=tuple(shape)).x(rng)


def first_frames(x, T):
    return x[(slice(None),) * time_axis(x) + (slice(T),)]


def run(layer, x, lengths, upstream):
    """Run a layer forward and backward; return all its results."""
    upstream.flags.writeable = False
    out = layer.forward(x, lengths)
    dx = layer.backward(first_frames(upstream, out.shape[time_axis(out)]))
    grads = {f"d{name}": grad.copy() for name, grad in layer.grads.items()}
    return {"out": out, "dx": dx, **grads, **layer.buffers}


def draw_upstream(layer, x, lengths, rng):
    return rng.standard_normal(layer.forward(x, lengths).shape)


def assert_same(got, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(got[name], value, rtol=1e-9, atol=1e-10, err_msg=name)


@every_case
@few
@given(lengths=batches, more=st.integers(1, 5), training=st.booleans(), seed=seeds)
def test_longer_padding_changes_nothing(case, lengths, more, training, seed):
    rng = np.random.default_rng(seed)
    x = draw_input(case, len(lengths), lengths.max() + more, rng)  # random in the padding, too
    shorter = first_frames(x, lengths.max())
    upstream = draw_upstream(make(case, training), x, lengths, rng)
    expected = run(make(case, training), shorter, lengths, upstream)
    got = run(make(case, training), x, lengths, upstream)
    for name in "out", "dx":
        T = expected[name].shape[time_axis(expected[name])]
        real = first_frames(got[name], T)
        assert np.count_nonzero(got[name]) == np.count_nonzero(real)
        got[name] = real
    assert_same(got, expected)


@every_case
@few
@given(lengths=batches, training=st.booleans(), seed=seeds)
def test_the_order_of_utterances_is_the_order_of_results(case, lengths, training, seed):
    training &= case.make is not Dropout  # whose mask follows from the place in the batch
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(lengths))
    x = draw_input(case, len(lengths), lengths.max(), rng)
    upstream = draw_upstream(make(case, training), x, lengths, rng)
    expected = run(make(case, training), x, lengths, upstream)
    got = run(make(case, training), x[order], lengths[order], upstream[order])
    assert_same(got, {**expected, "out": expected["out"][order], "dx": expected["dx"][order]})


@every_case
@few
@given(lengths=batches, training=st.booleans(), seed=seeds)
def test_backward_is_linear_in_the_upstream_gradient(case, lengths, training, seed):
    rng = np.random.default_rng(seed)
    x = draw_input(case, len(lengths), lengths.max(), rng)
    a, b = 3 * rng.standard_normal(2)
    one = draw_upstream(make(case, training), x, lengths, rng)
    other = rng.standard_normal(one.shape)
    of_one, of_other, of_both = (
        run(make(case, training), x, lengths, upstream)
        for upstream in (one, other, a * one + b * other)
    )
    linear = {k: a * of_one[k] + b * of_other[k] for k in of_one if k.startswith("d")}
    assert_same(of_both, linear)


@every_case
@few
@given(lengths=batches, place=st.integers(0, 4), training=st.booleans(), seed=seeds)
def test_an_utterance_of_no_frames_changes_nothing(case, lengths, place, training, seed):
    rng = np.random.default_rng(seed)
    place = min(place, len(lengths))
    lengths = np.insert(lengths, place, 0)
    x = draw_input(case, len(lengths), lengths.max(), rng)
    upstream = draw_upstream(make(case, training), x, lengths, rng)
    got = run(make(case, training), x, lengths, upstream)
    assert not got["out"][place].any()
    assert not got["dx"][place].any()
    assert all(np.isfinite(value).all() for value in got.values())
    got["out"], got["dx"] = (np.delete(got[name], place, axis=0) for name in ("out", "dx"))
    x, upstream = np.delete(x, place, axis=0), np.delete(upstream, place, axis=0)
    assert_same(got, run(make(case, training), x, np.delete(lengths, place), upstream))


@every_case
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("N", "T"), [(2, 4), (2, 0), (0, 4)])
def test_nothing_goes_in_and_nothing_comes_out(case, training, N, T, rng):
    """Batches with padding alone, without frames, and without utterances."""
    shape = list(case.shape)
    shape[0], shape[case.time_axis] = N, T
    x, lengths, layer = rng.standard_normal(shape), np.zeros(N, int), make(case, training)
    before = {name: value.copy() for name, value in layer.buffers.items()}
    out = layer.forward(x, lengths)
    dx = layer.backward(np.ones_like(out))
    assert out.shape[0] == N
    assert dx.shape == x.shape
    assert not any(value.any() for value in (out, dx, *layer.grads.values()))
    for name, value in before.items():
        np.testing.assert_array_equal(layer.buffers[name], value)


# The CTC loss.


@st.composite
def ctc_batches(draw):
    """Draw logits, labels (blank 0), and lengths; some transcripts may not fit."""
    N, T, L = draw(st.integers(1, 4)), draw(st.integers(0, 6)), draw(st.integers(0, 3))
    V = draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(seeds))
    logits = 2 * rng.standard_normal((N, T, V))
    lengths = rng.integers(0, T + 1, N), rng.integers(0, L + 1, N)
    return logits, rng.integers(1, V, (N, L)), *lengths


@some
@given(batch=ctc_batches(), seed=seeds)
def test_the_order_of_utterances_is_the_order_of_losses(batch, seed):
    order = np.random.default_rng(seed).permutation(len(batch[0]))
    loss, dlogits = ctc_loss(*batch)
    got = ctc_loss(*(array[order] for array in batch))
    np.testing.assert_allclose(got[0], loss[order], rtol=1e-12)
    np.testing.assert_allclose(got[1], dlogits[order], atol=1e-12)


@some
@given(batch=ctc_batches(), frames=st.integers(0, 4), labels=st.integers(0, 4), seed=seeds)
def test_frames_and_labels_behind_the_end_change_nothing(batch, frames, labels, seed):
    rng = np.random.default_rng(seed)
    logits, transcripts, *lengths = batch
    N, T, V = logits.shape
    longer = np.concatenate([logits, 9 * rng.standard_normal((N, frames, V))], axis=1)
    padded = np.concatenate([transcripts, rng.integers(-9, 9, (N, labels))], axis=1)
    loss, dlogits = ctc_loss(*batch)
    got = ctc_loss(longer, padded, *lengths)
    np.testing.assert_allclose(got[0], loss, rtol=1e-12)
    np.testing.assert_allclose(got[1][:, :T], dlogits, atol=1e-12)
    assert not got[1][:, T:].any()


@some
@given(batch=ctc_batches())
def test_losses_are_not_negative_and_gradients_sum_to_zero(batch):
    loss, dlogits = ctc_loss(*batch)
    assert (loss >= -1e-12).all()
    np.testing.assert_allclose(dlogits.sum(axis=2), 0, atol=1e-12)
    assert (np.abs(dlogits) <= 1 + 1e-12).all()  # each is a difference of two probabilities


@some
@given(T=st.integers(0, 4), V=st.integers(1, 3), blank=st.integers(0, 2), seed=seeds)
def test_the_probabilities_of_all_transcripts_add_up_to_one(T, V, blank, seed):
    blank %= V
    symbols = [v for v in range(V) if v != blank]
    texts = [text for L in range(T + 1) for text in itertools.product(symbols, repeat=L)]
    labels = np.array([text + (0,) * (T - len(text)) for text in texts]).reshape(len(texts), T)
    logits = np.random.default_rng(seed).standard_normal((1, T, V)).repeat(len(texts), axis=0)
    label_lengths = np.array([len(text) for text in texts])
    loss, _ = ctc_loss(logits, labels.astype(int), np.full(len(texts), T), label_lengths, blank)
    assert np.exp(-loss).sum() == pytest.approx(1, abs=1e-12)
