"""Exercises of chapter 07, the whole network."""

import numpy as np

from ds2np.decode import greedy
from ds2np.layers import Layer, Sequential
from ds2np.layers.conv import conv_out_length
from ds2np.learn.exercise import Exercise
from ds2np.text import Alphabet


class _Convolution(Layer):
    """A layer of which only the lengths are asked."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def out_lengths(self, lengths):
        return conv_out_length(lengths, *self.sizes)


class _Given(Layer):
    """A layer whose backward pass is a function."""

    def __init__(self, function, gathered):
        super().__init__()
        self.function, self.gathered = function, gathered

    def backward(self, dout):
        dx, grads = self.function(dout)
        self.gathered.append(grads)
        return dx


def _linear(x, W):
    """Make the backward pass of x W."""
    return lambda dout: (dout @ W.T, {"W": x.T @ dout})


def _scale(x, gamma):
    """Make the backward pass of gamma x + beta."""
    return lambda dout: (dout * gamma, {"gamma": (dout * x).sum(axis=0), "beta": dout.sum(axis=0)})


def _rectify(x):
    """Make the backward pass of max(x, 0), which has no parameters."""
    return lambda dout: (dout * (x > 0), {})


def out_lengths(lengths, convolutions):
    """Ask the package's stack of layers."""
    layers = {f"conv{i}": _Convolution(*sizes) for i, sizes in enumerate(convolutions)}
    return Sequential(layers).out_lengths(lengths)


def stack_backward(dout, layers):
    """Run the package's stack of layers backward."""
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
    """Decode by the package's function."""
    return greedy.greedy_decode(log_probs, lengths, Alphabet(characters))


def _length_cases(rng):
    return {
        "one convolution of 11 frames, stride 2": (np.array([50, 33, 1]), ((11, 2, 5),)),
        "the paper's two: strides 2 and 1": (np.array([100, 51]), ((11, 2, 5), (11, 1, 5))),
        "three strides that do not divide": (
            np.array([100, 67, 5, 1]),
            ((5, 2, 2), (3, 3, 1), (7, 2, 3)),
        ),
        "no padding: the short one vanishes on the way": (
            np.array([30, 12, 3]),
            ((5, 2, 0), (5, 1, 0)),
        ),
        "an utterance of no frame": (np.array([0, 9]), ((5, 2, 2), (5, 2, 2))),
        "no convolution at all": (np.array([7, 3]), ()),
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
        "a layer without parameters between": (
            rng.standard_normal((4, 2)),
            {"dense1": linear(5, 3), "relu": _rectify(rng.standard_normal((4, 3)))}
            | {"output": linear(3, 2)},
        ),
        "five layers, of equal sizes": (
            rng.standard_normal((4, 3)),
            {"a": linear(3, 3), "norm": scale(3), "relu": _rectify(rng.standard_normal((4, 3)))}
            | {"b": linear(3, 3), "c": linear(3, 3)},
        ),
        "no layer at all": (rng.standard_normal((4, 3)), {}),
    }


def _decode_cases(rng):
    characters = " abcdefgh"

    def scores(*paths):
        """Make scores in which each path is the best one, garbage in the padding."""
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
        "an utterance of no frame": scores("ab", ""),
    }


EXERCISES = (
    Exercise(
        number="07.1",
        function="out_lengths",
        task="how many frames are left of each utterance behind a stack of convolutions",
        reference=out_lengths,
        cases=_length_cases,
    ),
    Exercise(
        number="07.2",
        function="stack_backward",
        task="the backward pass of a stack of layers, and all of its gradients by name",
        reference=stack_backward,
        cases=_backward_cases,
    ),
    Exercise(
        number="07.3",
        function="greedy_decode",
        task="the texts of a minibatch from the network's scores",
        reference=greedy_decode,
        cases=_decode_cases,
    ),
)
