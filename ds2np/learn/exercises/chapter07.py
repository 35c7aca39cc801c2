"""Exercises of chapter 07: the whole network."""

import numpy as np

from ds2np.decode import greedy
from ds2np.layers import Layer, Sequential
from ds2np.layers.conv import conv_out_length
from ds2np.learn.exercise import Exercise
from ds2np.model import DeepSpeech2Config


class _Convolution(Layer):
    """A layer with nothing but output lengths."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def out_lengths(self, lengths):
        return conv_out_length(lengths, *self.sizes)


class _Given(Layer):
    """A layer whose backward pass is a given function."""

    def __init__(self, function, gathered):
        super().__init__()
        self.function, self.gathered = function, gathered

    def backward(self, dout):
        dx, grads = self.function(dout)
        self.gathered.append(grads)
        return dx


def _linear(x, W):
    """Return the backward pass of x W."""
    return lambda dout: (dout @ W.T, {"W": x.T @ dout})


def _scale(x, gamma):
    """Return the backward pass of gamma x + beta."""
    return lambda dout: (dout * gamma, {"gamma": (dout * x).sum(axis=0), "beta": dout.sum(axis=0)})


def _rectify(x):
    """Return the backward pass of max(x, 0)."""
    return lambda dout: (dout * (x > 0), {})


def out_lengths(lengths, convolutions):
    """Compute the lengths with the package's `Sequential`."""
    layers = {f"conv{i}": _Convolution(*sizes) for i, sizes in enumerate(convolutions)}
    return Sequential(layers).out_lengths(lengths)


def stack_backward(dout, layers):
    """Compute the gradients with the package's `Sequential`."""
    gathered, names = [], []
    stack = Sequential({name: _Given(function, gathered) for name, function in layers.items()})
    dx = stack.backward(dout, names.append)
    grads = {
        f"{name}.{param}": grad
        for name, of_layer in zip(names, gathered, strict=True)
        for param, grad in of_layer.items()
    }
    return dx, grads


def greedy_decode(log_probs, lengths, characters):
    """Decode with the package's function."""
    alphabet = DeepSpeech2Config(characters=characters).alphabet()
    return greedy.greedy_decode(log_probs, lengths, alphabet)


def _length_cases(rng):
    return {
        "one convolution of 11 frames, stride 2": (np.array([50, 33, 1]), ((11, 2, 5),)),
        "the paper's two: strides 2 and 1": (np.array([100, 51]), ((11, 2, 5), (11, 1, 5))),
        "three strides that do not divide": (
            np.array([100, 67, 5, 1]),
            ((5, 2, 2), (3, 3, 1), (7, 2, 3)),
        ),
        "no padding: nothing is left of the shortest": (
            np.array([30, 12, 3]),
            ((5, 2, 0), (5, 1, 0)),
        ),
        "an utterance without frames": (np.array([0, 9]), ((5, 2, 2), (5, 2, 2))),
        "no convolutions": (np.array([7, 3]), ()),
        "nothing left of the shortest, and padding after it": (
            np.array([9, 1, 0]),
            ((5, 2, 0), (3, 1, 2)),
        ),
    }


def _backward_cases(rng):
    def linear(D, O):  # noqa: E741
        return _linear(rng.standard_normal((4, D)), rng.standard_normal((D, O)))

    def scale(D):
        return _scale(rng.standard_normal((4, D)), rng.standard_normal(D))

    return {
        "one layer": (rng.standard_normal((4, 2)), {"output": linear(3, 2)}),
        "two layers of different sizes": (
            rng.standard_normal((4, 2)),
            {"dense1": linear(5, 3), "output": linear(3, 2)},
        ),
        "a layer without parameters in between": (
            rng.standard_normal((4, 2)),
            {"dense1": linear(5, 3), "relu": _rectify(rng.standard_normal((4, 3)))}
            | {"output": linear(3, 2)},
        ),
        "five layers of equal size": (
            rng.standard_normal((4, 3)),
            {"a": linear(3, 3), "norm": scale(3), "relu": _rectify(rng.standard_normal((4, 3)))}
            | {"b": linear(3, 3), "c": linear(3, 3)},
        ),
        "no layers": (rng.standard_normal((4, 3)), {}),
    }


def _decode_cases(rng):
    characters = " abcdefgh"

    def scores(*paths):
        """Make scores with the given best paths, and garbage in the padding."""
        T = max(map(len, paths))
        scores = rng.uniform(-9, -1, (len(paths), T, 10))
        lengths = np.array([len(path) for path in paths])
        for row, path in zip(scores, paths, strict=True):
            row[np.arange(len(path)), [characters.find(c) + 1 for c in path]] = 0.0
            row[len(path) :, 9] = 50.0
        return scores, lengths, characters

    return {
        "repeats and blanks": scores("aab--cc-c"),
        "two utterances, garbage in the padding of the shorter": scores("a-b-a-d-e", "be-d"),
        "a word, a space, a word": scores("bad- -ab"),
        "spaces at either end, and two between words": scores(" -a-b - -c- "),
        "blanks only": scores("----"),
        "the same word twice": scores("a-dd -a-d-"),
        "an utterance without frames": scores("ab", ""),
        "three spaces between two words": scores("a- - -  b", " - - - "),
        "the last symbol, and scores that are all negative": tuple(
            a - 20 if i == 0 else a for i, a in enumerate(scores("h-gh", "hh"))
        ),
        "other characters": (*scores("ab-a", "b")[:2], "zyxwvutsr"),
    }


EXERCISES = (
    Exercise(
        "07.1",
        "out_lengths",
        "output lengths of several convolutions",
        out_lengths,
        _length_cases,
        lists=True,
        package=Sequential.out_lengths,
    ),
    Exercise(
        "07.2",
        "stack_backward",
        "backward pass of a stack of layers, with all gradients by name",
        stack_backward,
        _backward_cases,
        results=("dx", "grads"),
        package=Sequential.backward,
    ),
    Exercise(
        "07.3",
        "greedy_decode",
        "greedy decoding of a minibatch",
        greedy_decode,
        _decode_cases,
        package=greedy.greedy_decode,
    ),
)
