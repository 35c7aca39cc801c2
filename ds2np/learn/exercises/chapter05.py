"""Exercises of chapter 05: CTC."""

import numpy as np

from ds2np.ctc import ctc_loss, min_frames
from ds2np.ctc.lattice import Lattice
from ds2np.ctc.recursion import recurse
from ds2np.ctc.semiring import LOG_ZERO, Logs
from ds2np.layers.softmax import log_softmax
from ds2np.learn.exercise import Exercise


def ctc_beta(log_probs, labels):
    """Compute log beta with the package's recursion."""
    labels, T = np.asarray(labels)[None], len(log_probs)
    lattice = Lattice(labels, np.array([T]), np.array([labels.shape[1]]), 0)
    beta = recurse(log_probs[None], np.zeros((1, T)), lattice, Logs(np)).beta[:, :, 0]
    return np.where(beta > LOG_ZERO / 2, beta, -np.inf)


def ctc_logit_gradient(log_probs, posterior, labels):
    """Subtract the sum over the states of each symbol from the softmax."""
    symbols = np.zeros(2 * len(labels) + 1, int)
    symbols[1::2] = labels
    return np.exp(log_probs) - posterior @ np.eye(log_probs.shape[1])[symbols]


def _log_probs(rng, T, V):
    return log_softmax(rng.standard_normal((T, V)))


def _min_frames_cases(rng):
    return {
        "no equal neighbours": (np.array([3, 1, 2]),),
        "one pair of equal neighbours": (np.array([1, 2, 2, 3]),),
        "three equal labels in a row": (np.array([4, 4, 4]),),
        "equal labels that are not neighbours": (np.array([1, 2, 1]),),
        "a single label": (np.array([5]),),
        "no labels": (np.array([], int),),
        "20 labels of 3 symbols": (rng.integers(1, 4, 20),),
    }


def _beta_cases(rng):
    return {
        "two labels, five frames": (_log_probs(rng, 5, 4), np.array([1, 3])),
        "equal neighbours": (_log_probs(rng, 6, 3), np.array([2, 2, 1])),
        "no labels: only blanks": (_log_probs(rng, 3, 3), np.array([], int)),
        "just enough frames": (_log_probs(rng, 3, 4), np.array([1, 2, 3])),
        "400 frames": (_log_probs(rng, 400, 5), np.array([1, 2, 3, 4, 4, 1])),
    }


def _gradient_cases(rng):
    def case(T, V, labels):
        posterior = rng.random((T, 2 * len(labels) + 1))
        posterior /= posterior.sum(axis=1, keepdims=True)
        return _log_probs(rng, T, V), posterior, np.array(labels, int)

    return {
        "two different labels": case(4, 4, [1, 3]),
        "a repeated label": case(5, 3, [2, 1, 2]),
        "no labels": case(2, 3, []),
    }


def _loss_cases(rng):
    def case(N, T, V, labels, frames, lengths, wild=1.0, shift=0.0, blank=None):
        logits = rng.standard_normal((N, T, V)) * wild + shift
        for n, count in enumerate(frames):
            logits[n, count:] = np.nan  # the padding
        arguments = logits, np.array(labels), np.array(frames), np.array(lengths)
        return arguments if blank is None else (*arguments, blank)

    return {
        "one utterance": case(1, 6, 4, [[1, 2]], [6], [2]),
        "two of unequal length, NaN in the padding": case(
            2, 8, 4, [[1, 2, 2], [3, 7, 7]], [8, 5], [3, 1]
        ),
        "one of two does not fit": case(2, 4, 3, [[1, 1, 2], [2, 1, 0]], [4, 2], [3, 2]),
        "an utterance whose equal labels do not fit": case(1, 3, 3, [[1, 1, 2]], [3], [3]),
        "no labels": case(1, 3, 3, [[0, 0]], [3], [0]),
        "logits of several hundred": case(1, 5, 3, [[1, 2]], [5], [2], wild=300.0),
        "all logits near 1000": case(1, 5, 3, [[1, 2]], [5], [2], shift=1000.0),
        "all logits near -1000": case(1, 5, 3, [[1, 2]], [5], [2], shift=-1000.0),
        "another level in each frame": case(
            1, 4, 3, [[1, 2]], [4], [2], shift=np.array([[900.0], [-900.0], [0.0], [300.0]])
        ),
        "an utterance without frames and labels": case(2, 3, 3, [[1], [1]], [0, 3], [0, 1]),
        "one frame": case(2, 1, 3, [[2], [0]], [1, 1], [1, 0]),
        "labels but no frames": case(2, 3, 3, [[1], [1]], [0, 3], [1, 1]),
        "the blank is the last symbol": case(2, 6, 4, [[0, 1], [2, 2]], [6, 5], [2, 2], blank=3),
        "a blank in the middle": case(1, 5, 4, [[3, 0, 0]], [5], [3], blank=1),
        "200 frames": case(1, 200, 5, [[1, 2, 3, 4]], [200], [4]),
    }


EXERCISES = (
    Exercise("05.1", "min_frames", "fewest frames for a transcript", min_frames, _min_frames_cases),
    Exercise(
        "05.2",
        "ctc_beta",
        "log-probability of finishing from each state",
        ctc_beta,
        _beta_cases,
        package=recurse,
    ),
    Exercise(
        "05.3",
        "ctc_logit_gradient",
        "gradient with respect to the logits from the posterior of the states",
        ctc_logit_gradient,
        _gradient_cases,
        package=ctc_loss,
    ),
    Exercise(
        "05.4",
        "ctc_loss",
        "loss and gradient of a padded minibatch",
        ctc_loss,
        _loss_cases,
        results=("losses", "gradient"),
    ),
)
