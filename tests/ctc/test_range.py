"""Long utterances and extreme logits: where probabilities end, logarithms take over."""

import numpy as np
import pytest

from ds2np.backend import to_cpu, to_gpu
from ds2np.ctc import ctc_loss, loss, state_posterior
from ds2np.ctc.lattice import Lattice
from ds2np.ctc.recursion import recurse
from ds2np.ctc.semiring import Logs, Probabilities
from ds2np.learn.fake_gpu import fake_gpu


def loss_and_gradient(logits, text):
    """Compute both of one utterance in logs, state by state (Graves et al. 2006)."""
    log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    states = np.zeros(2 * len(text) + 1, int)
    states[1::2] = text

    def sums(log_probs, states):
        rows = np.full((len(log_probs), len(states)), -np.inf)
        rows[0, :2] = log_probs[0, states[:2]]
        skip = np.where((states[2:] != 0) & (states[2:] != states[:-2]), 0, -np.inf)
        for t in range(1, len(rows)):
            rows[t] = rows[t - 1]
            rows[t, 1:] = np.logaddexp(rows[t, 1:], rows[t - 1, :-1])
            rows[t, 2:] = np.logaddexp(rows[t, 2:], rows[t - 1, :-2] + skip)
            rows[t] += log_probs[t, states]
        return rows

    alpha = sums(log_probs, states)
    beta = sums(log_probs[::-1], states[::-1])[::-1, ::-1]
    log_p = np.logaddexp.reduce(alpha[-1, -2:])
    gamma = np.exp(alpha + beta - log_probs[:, states] - log_p)
    gradient = np.exp(log_probs)
    for s, symbol in enumerate(states):
        gradient[:, symbol] -= gamma[:, s]
    return -log_p, gradient


def blanks_first(rng, T, L):
    """Return logits of blanks only, but for the end, where all labels have to be spoken."""
    logits = rng.standard_normal((T, 8))
    logits[: T - 2 * L, 0] += 60
    return logits


CASES = {  # logits, labels, and whether probabilities suffice
    "equal": (lambda rng: np.zeros((120, 8)), 20, True),
    "usual": (lambda rng: 2 * rng.standard_normal((150, 8)), 30, True),
    "more paths than float64 holds": (lambda rng: np.zeros((1000, 8)), 300, True),
    "certain, and wrong": (lambda rng: 50 * rng.standard_normal((60, 8)), 20, False),
    "blanks first": (lambda rng: blanks_first(rng, 300, 40), 40, True),
    "a step of 1e4": (lambda rng: 1e4 * rng.standard_normal((40, 8)), 15, False),
    "tight": (lambda rng: 30 * rng.standard_normal((40, 8)), 40, False),
}


@pytest.mark.parametrize("case", CASES)
def test_any_logits_give_the_exact_gradient(case, rng):
    make, L, suffices = CASES[case]
    logits = make(rng)
    T, V = logits.shape
    text = (np.arange(L) * 3) % (V - 1) + 1
    given = text[None], np.array([T]), np.array([L])
    lattice = Lattice(*given, 0)
    with np.errstate(divide="ignore"):
        sums = recurse(logits[None], logits.max(axis=1)[None], lattice, Probabilities(np))
    assert sums.are_exact(lattice) == suffices
    expected_loss, expected = loss_and_gradient(logits, text)
    got_loss, got = ctc_loss(logits[None], *given)
    assert got_loss[0] == pytest.approx(expected_loss, rel=1e-12)
    np.testing.assert_allclose(got[0], expected, rtol=0, atol=2e-9)


def test_one_difficult_utterance_of_a_batch(rng):
    logits = 2 * rng.standard_normal((3, 300, 8))
    logits[1] *= 25
    texts = rng.integers(1, 8, (3, 40))
    lengths = np.array([300, 300, 200]), np.array([40, 40, 0])
    got = ctc_loss(logits, texts, *lengths)
    for n, (T, L) in enumerate(zip(*lengths, strict=True)):
        expected_loss, expected = loss_and_gradient(logits[n, :T], texts[n, :L])
        assert got[0][n] == pytest.approx(expected_loss, rel=1e-12)
        np.testing.assert_allclose(got[1][n, :T], expected, atol=2e-9)


@pytest.mark.parametrize("utterances", [1, 2, 5])
def test_groups_change_nothing(utterances, monkeypatch, rng):
    logits, texts = rng.standard_normal((5, 20, 6)), rng.integers(1, 6, (5, 4))
    lengths = np.array([20, 12, 3, 0, 19]), np.array([4, 3, 4, 0, 0])
    expected = [*ctc_loss(logits, texts, *lengths), state_posterior(logits, texts, *lengths)]
    monkeypatch.setattr(loss, "GROUP_STATES", 9 * utterances)
    got = [*ctc_loss(logits, texts, *lengths), state_posterior(logits, texts, *lengths)]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("N", [1, 3])
def test_the_semirings_agree(N, rng):
    logits, texts = rng.standard_normal((N, 70, 6)), rng.integers(1, 6, (N, 12))
    lengths = rng.integers(50, 71, N), rng.integers(6, 13, N)
    lattice = Lattice(texts, *lengths, 0)
    ours, logs = (
        recurse(logits, logits.max(axis=2), lattice, kind(np)) for kind in (Probabilities, Logs)
    )
    np.testing.assert_allclose(ours.log_p, logs.log_p, rtol=1e-13)
    for n, frames in enumerate(lengths[0]):
        every = [each.posterior(slice(None))[:frames, :, n] for each in (ours, logs)]
        np.testing.assert_allclose(every[0], every[1], atol=1e-12)
        np.testing.assert_allclose(every[0].sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize(("T", "L", "tolerance"), [(300, 100, 1e-6), (5000, 1200, 1e-4)])
def test_float32_keeps_the_gradient_of_long_utterances(T, L, tolerance, rng):
    logits = rng.standard_normal((T, 29)).astype(np.float32)
    text = rng.integers(1, 29, L)
    _, expected = loss_and_gradient(logits.astype(np.float64), text)
    _, got = ctc_loss(logits[None], text[None], np.array([T]), np.array([L]))
    assert np.abs(got[0] - expected).max() <= tolerance


def test_arrays_on_a_gpu_without_kernels(rng):
    """With one utterance that probabilities are too small for, and one without a softmax."""
    logits = rng.standard_normal((3, 60, 8))
    logits[1] *= 50
    logits[2, 5, 0] = np.nan
    given = rng.integers(1, 8, (3, 20)), np.array([60, 60, 30]), np.array([20, 18, 9])
    expected = [*ctc_loss(logits, *given), state_posterior(logits, *given)]
    with fake_gpu():
        got = [*ctc_loss(to_gpu(logits), *given), state_posterior(to_gpu(logits), *given)]
        got = [to_cpu(a) for a in got]
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
