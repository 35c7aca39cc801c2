import itertools

import numpy as np
import pytest

from ds2np.ctc import ctc_loss, forced_align, state_posterior
from ds2np.layers import log_softmax


def collapse(path, blank=0):
    return [symbol for symbol, _ in itertools.groupby(path) if symbol != blank]


@pytest.mark.parametrize("labels", [[], [1], [1, 2], [1, 1], [2, 1, 2], [2, 2, 1]])
def test_the_path_is_the_best_of_all(labels, rng):
    log_probs = log_softmax(2 * rng.standard_normal((6, 3)))
    scores = {
        path: sum(log_probs[t, symbol] for t, symbol in enumerate(path))
        for path in itertools.product(range(3), repeat=6)
        if collapse(path) == labels
    }
    best = max(scores, key=scores.get)
    alignment = forced_align(log_probs, labels)
    assert tuple(alignment.path) == best
    assert alignment.score == pytest.approx(scores[best], abs=1e-12)


def test_frames_and_times_of_the_labels():
    path = [0, 2, 2, 0, 1, 1, 1, 2, 0]
    log_probs = log_softmax(10.0 * np.eye(3)[path])
    alignment = forced_align(log_probs, [2, 1, 2])
    assert alignment.path.tolist() == path
    assert alignment.starts.tolist() == [1, 4, 7]
    assert alignment.ends.tolist() == [3, 7, 8]
    np.testing.assert_allclose(alignment.times(20), [[0.02, 0.06], [0.08, 0.14], [0.14, 0.16]])


def test_another_blank():
    path = [2, 0, 2, 1]
    assert forced_align(log_softmax(9.0 * np.eye(3)[path]), [0, 1], blank=2).path.tolist() == path


def test_no_frames_for_no_labels():
    alignment = forced_align(np.zeros((0, 3)), [])
    assert alignment.path.shape == alignment.starts.shape == (0,)
    assert alignment.score == 0


def test_a_transcript_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="needs 3 frames, but there are only 2"):
        forced_align(np.zeros((2, 3)), [1, 1])
    with pytest.raises(ValueError, match="label 0 of utterance 0 is 3"):
        forced_align(np.zeros((2, 3)), [3])


def test_posterior_equals_the_share_of_all_paths(rng):
    logits, labels = rng.standard_normal((1, 5, 3)), [1, 1, 2]
    log_probs = log_softmax(logits[0])
    states = [0, 1, 0, 1, 0, 2, 0]
    expected = np.zeros((5, 7))
    for visited in itertools.product(range(7), repeat=5):  # all walks through the lattice
        steps = np.diff(visited)
        skips = [
            s == 2 and (states[b] == 0 or states[b] == states[a])
            for a, b, s in zip(visited, visited[1:], steps, strict=False)
        ]
        if visited[0] > 1 or visited[-1] < 5 or any(steps < 0) or any(steps > 2) or any(skips):
            continue
        weight = np.exp(sum(log_probs[t, states[s]] for t, s in enumerate(visited)))
        expected[range(5), visited] += weight
    posterior = state_posterior(logits, np.array([labels]), np.array([5]), np.array([3]))
    np.testing.assert_allclose(posterior[0], expected / expected[0].sum(), atol=1e-12)


def test_posterior_of_padding_and_of_what_does_not_fit_is_zero(rng):
    labels, lengths = np.array([[1, 2], [2, 2]]), np.array([3, 2])
    posterior = state_posterior(rng.standard_normal((2, 4, 3)), labels, lengths, np.array([2, 2]))
    np.testing.assert_allclose(posterior[0].sum(axis=1), [1, 1, 1, 0])
    assert (posterior[1] == 0).all()


def test_the_best_path_is_part_of_the_loss(rng):
    logits = rng.standard_normal((1, 20, 5))
    labels = [1, 4, 4, 2]
    loss, _ = ctc_loss(logits, np.array([labels]), np.array([20]), np.array([4]))
    assert forced_align(log_softmax(logits[0]), labels).score < -loss[0]
