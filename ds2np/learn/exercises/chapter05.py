"""Exercises of chapter 05, CTC."""

import numpy as np

from ds2np.ctc import ctc_loss, min_frames
from ds2np.ctc.lattice import CLOSED, Lattice, recurse
from ds2np.layers.softmax import log_softmax
from ds2np.learn.exercise import Exercise


def ctc_beta(log_probs, labels):
    """Compute log beta by the package's recursion, which takes a constant from each frame."""
    labels = np.asarray(labels)[None]
    lattice = Lattice(labels, np.array([len(log_probs)]), np.array([labels.shape[1]]), 0)
    emissions = lattice.emissions(log_probs[None])
    alpha, beta, offsets = recurse(emissions, lattice)
    loss = lattice.loss(alpha, offsets, emissions)
    alpha, beta, emissions = (rows[:, :, 0] for rows in (alpha, beta, emissions))
    # The constant that is missing in a frame: alpha, emission and beta add up to the loss.
    total = np.logaddexp.reduce(alpha + emissions + beta, axis=1) + offsets[:, 0]
    log_beta = beta - (loss + total)[:, None]
    return np.where(beta > CLOSED / 2, log_beta, -np.inf)


def ctc_logit_gradient(log_probs, posterior, labels):
    """Add up the states of each symbol, and take the sum from the softmax."""
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
        "equal labels that are no neighbours": (np.array([1, 2, 1]),),
        "a single label": (np.array([5]),),
        "no label at all": (np.array([], int),),
    }


def _beta_cases(rng):
    return {
        "two labels, five frames": (_log_probs(rng, 5, 4), np.array([1, 3])),
        "equal neighbours": (_log_probs(rng, 6, 3), np.array([2, 2, 1])),
        "no label: only blanks": (_log_probs(rng, 3, 3), np.array([], int)),
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
        "a label that comes twice": case(5, 3, [2, 1, 2]),
        "no label": case(2, 3, []),
    }


def _loss_cases(rng):
    def case(N, T, V, labels, frames, lengths, wild=1.0):
        logits = rng.standard_normal((N, T, V)) * wild
        for n, count in enumerate(frames):
            logits[n, count:] = np.nan  # the padding
        return logits, np.array(labels), np.array(frames), np.array(lengths)

    return {
        "one utterance": case(1, 6, 4, [[1, 2]], [6], [2]),
        "two of unequal length, NaN in the padding": case(
            2, 8, 4, [[1, 2, 2], [3, 7, 7]], [8, 5], [3, 1]
        ),
        "one of two does not fit": case(2, 4, 3, [[1, 1, 2], [2, 1, 0]], [4, 2], [3, 2]),
        "an utterance whose equal labels do not fit": case(1, 3, 3, [[1, 1, 2]], [3], [3]),
        "no label": case(1, 3, 3, [[0, 0]], [3], [0]),
        "logits of several hundred": case(1, 5, 3, [[1, 2]], [5], [2], wild=300.0),
        "200 frames": case(1, 200, 5, [[1, 2, 3, 4]], [200], [4]),
    }


EXERCISES = (
    Exercise(
        number="05.1",
        function="min_frames",
        task="how many frames a transcript needs at least",
        reference=min_frames,
        cases=_min_frames_cases,
    ),
    Exercise(
        number="05.2",
        function="ctc_beta",
        task="the log of all ways to finish from each state",
        reference=ctc_beta,
        cases=_beta_cases,
    ),
    Exercise(
        number="05.3",
        function="ctc_logit_gradient",
        task="from the probabilities of the states to the gradient by the logits",
        reference=ctc_logit_gradient,
        cases=_gradient_cases,
    ),
    Exercise(
        number="05.4",
        function="ctc_loss",
        task="loss and gradient of a padded minibatch",
        reference=ctc_loss,
        cases=_loss_cases,
    ),
)
