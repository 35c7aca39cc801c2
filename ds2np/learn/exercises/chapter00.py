"""Exercises of chapter 00: a recogniser in ten minutes."""

import numpy as np

from ds2np.decode import greedy
from ds2np.learn.exercise import Exercise
from ds2np.text import cer


def collapse(path):
    """Run the package's function; return an array, so that lists and arrays are correct answers."""
    return np.array(greedy.collapse(path), int)


def _collapse_cases(_rng):
    return {
        "repeats and blanks": (np.array([1, 1, 0, 2, 2, 2, 0]),),
        "a blank between two equal symbols": (np.array([3, 0, 3]),),
        "equal symbols with no blank between them": (np.array([3, 3]),),
        "the same symbol again, later": (np.array([5, 2, 5]),),
        "a symbol in the last frame": (np.array([0, 0, 4]),),
        "blanks only": (np.array([0, 0, 0]),),
        "one frame": (np.array([7]),),
        "no frames": (np.array([], int),),
    }


def _cer_cases(_rng):
    return {
        "no errors": (["one two"], ["one two"]),
        "one wrong character": (["nine"], ["nene"]),
        "one missing character at the start": (["three"], ["hree"]),
        "one extra character in the middle": (["four"], ["foour"]),
        "two words run together": (["six six"], ["sixsix"]),
        "several edits in one text": (["kitten"], ["sitting"]),
        "an empty hypothesis": (["seven"], [""]),
        "a hypothesis longer than the reference": (["no"], ["no no no"]),
        "a wrong short text and a correct long one": (
            ["one", "three three three"],
            ["ten", "three three three"],
        ),
    }


EXERCISES = (
    Exercise("00.1", "collapse", "symbols of the text from a path", collapse, _collapse_cases),
    Exercise("00.2", "cer", "character error rate of a list of texts", cer, _cer_cases),
)
