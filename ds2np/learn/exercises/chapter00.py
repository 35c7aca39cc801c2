"""Exercises of chapter 00, a recogniser in ten minutes."""

import numpy as np

from ds2np.decode import greedy
from ds2np.learn.exercise import Exercise
from ds2np.text import cer


def collapse(path):
    """Collapse by the package's function; an array, so that lists and arrays are right answers."""
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
        "no frame at all": (np.array([], int),),
    }


def _cer_cases(_rng):
    return {
        "nothing is wrong": (["one two"], ["one two"]),
        "one character taken for another": (["nine"], ["nene"]),
        "one character missing at the start": (["three"], ["hree"]),
        "one character too many in the middle": (["four"], ["foour"]),
        "two words run together": (["six six"], ["sixsix"]),
        "several edits in one text": (["kitten"], ["sitting"]),
        "nothing was written": (["seven"], [""]),
        "more was written than was said": (["no"], ["no no no"]),
        "a short text that is wrong and a long one that is right": (
            ["one", "three three three"],
            ["ten", "three three three"],
        ),
    }


EXERCISES = (
    Exercise(
        number="00.1",
        function="collapse",
        task="from one symbol a frame to the symbols of the text",
        reference=collapse,
        cases=_collapse_cases,
    ),
    Exercise(
        number="00.2",
        function="cer",
        task="the character error rate of some texts",
        reference=cer,
        cases=_cer_cases,
    ),
)
