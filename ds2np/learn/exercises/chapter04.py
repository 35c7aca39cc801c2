"""Exercises of chapter 04: the recurrences for whole minibatches."""

import numpy as np

from ds2np.layers import gru, rnn
from ds2np.layers.padding import reverse_sequences
from ds2np.learn.exercise import Exercise


def simple_rnn_forward(a, U, h0):
    """Return only the states of the package's function."""
    return rnn.simple_rnn_forward(a, U, h0)[0]


def simple_rnn_backward(dh, h, h0, U):
    """Run the package's function, given the states."""
    return rnn.simple_rnn_backward(dh, (h, h0, U, "clipped_relu"))


def gru_forward(a, U, h0):
    """Return only the states of the package's function."""
    return gru.gru_forward(a, U, h0)[0]


def gru_backward(dh, h, h0, gates, U):
    """Run the package's function, given states and gates."""
    before = h.copy()
    before[:, :1], before[:, 1:] = h0[:, None], h[:, :-1]
    heard = before @ U[:, None, :, 2 * h.shape[3] :]
    return gru.gru_backward(dh, (h, h0, gates, heard, U, "tanh"))


def _recurrence(rng, B, T, N, H, gates=1, scale=1.0):
    """Draw input terms, recurrent weights and initial states of B directions."""
    a = scale * rng.standard_normal((B, T, N, gates * H))
    U = 0.5 * rng.standard_normal((B, H, gates * H))
    return a, U, rng.uniform(0, 2, (B, N, H))


def _forward_cases(rng):
    a, U, h0 = _recurrence(rng, B=1, T=4, N=1, H=3)
    cases = {"one direction, one utterance, from a state of zeros": (a, U, np.zeros_like(h0))}
    cases["from a state that is not zero"] = (a, U, h0)
    cases["one frame"] = (a[:, :1], U, h0)
    cases["two directions, three utterances"] = _recurrence(rng, B=2, T=5, N=3, H=4)
    cases["states from 0 to the ceiling"] = _recurrence(rng, B=2, T=8, N=3, H=4, scale=8.0)
    cases["states that reach the ceiling"] = _recurrence(rng, B=2, T=6, N=2, H=3, scale=20.0)
    return cases


def _backward_cases(rng):
    cases = {}
    for name, (a, U, h0) in _forward_cases(rng).items():
        h = simple_rnn_forward(a, U, h0)
        cases[name] = rng.standard_normal(h.shape), h, h0, U
    return cases


def _gru_cases(rng):
    a, U, h0 = _recurrence(rng, B=1, T=4, N=1, H=3, gates=3)
    closed, wide = a.copy(), _recurrence(rng, B=2, T=3, N=2, H=2, gates=3, scale=1000.0)
    closed[..., :3] = -50.0
    return {
        "one direction, one utterance, from a state of zeros": (a, U, np.zeros_like(h0)),
        "from a state that is not zero": (a, U, h0),
        "update gates nearly closed": (closed, U, h0),
        "one frame": (a[:, :1], U, h0),
        "two directions, three utterances": _recurrence(rng, B=2, T=5, N=3, H=4, gates=3),
        "input terms of some thousands": wide,
    }


def _gru_backward_cases(rng):
    cases = {}
    for name, (a, U, h0) in _gru_cases(rng).items():
        h, (_, _, gates, *_) = gru.gru_forward(a, U, h0)
        cases[name] = rng.standard_normal(h.shape), h, h0, gates, U
    return cases


def _reverse_cases(rng):
    x = rng.standard_normal((5, 3, 2))
    garbage = x.copy()
    garbage[3:, 1] = 1e6
    return {
        "all of full length": (x, np.array([5, 5, 5])),
        "unequal lengths": (x, np.array([5, 3, 2])),
        "garbage in the padding, which stays where it is": (garbage, np.array([5, 3, 5])),
        "utterances of no frames and of one frame": (x, np.array([0, 1, 5])),
        "padding after all utterances": (x, np.array([2, 4, 3])),
        "no feature axis": (x[..., 0], np.array([4, 5, 2])),
        "one more axis": (rng.standard_normal((4, 2, 3, 2)), np.array([3, 4])),
    }


EXERCISES = (
    Exercise(
        "04.1",
        "simple_rnn_forward",
        "simple recurrence over a minibatch, several directions at once",
        simple_rnn_forward,
        _forward_cases,
        package=rnn.simple_rnn_forward,
    ),
    Exercise(
        "04.2",
        "simple_rnn_backward",
        "backpropagation through time for the simple recurrence",
        simple_rnn_backward,
        _backward_cases,
        results=("da", "dU", "dh0"),
        package=rnn.simple_rnn_backward,
    ),
    Exercise(
        "04.3",
        "gru_forward",
        "gated recurrence over a minibatch, several directions at once",
        gru_forward,
        _gru_cases,
        package=gru.gru_forward,
    ),
    Exercise(
        "04.4",
        "reverse_sequences",
        "each utterance reversed within its own length",
        reverse_sequences,
        _reverse_cases,
    ),
    Exercise(
        "04.5",
        "gru_backward",
        "backpropagation through time for the gated recurrence",
        gru_backward,
        _gru_backward_cases,
        results=("da", "dU", "dh0"),
        package=gru.gru_backward,
    ),
)
