"""Exercises of chapter 00: a recogniser in ten minutes."""

import jiwer
import numpy as np

from ds2np.decode import greedy
from ds2np.learn.exercise import Exercise
from ds2np.text.score import align_characters


def collapse(path):
    """Run the package's function; return an array, so that lists and arrays are correct answers."""
    return np.array(greedy.collapse(path), int)


def cer(refs, hyps):
    """Count with jiwer, spaces at the ends included; the package leaves those out."""
    keep = jiwer.Compose([jiwer.ReduceToListOfListOfChars()])
    counts = jiwer.process_characters(refs, hyps, keep, keep)
    edits = counts.substitutions + counts.deletions + counts.insertions
    return edits / sum(map(len, refs))


def _collapse_cases(rng):
    return {
        "repeats and blanks": (np.array([1, 1, 0, 2, 2, 2, 0]),),
        "a blank between two equal symbols": (np.array([3, 0, 3]),),
        "equal symbols with no blank between them": (np.array([3, 3]),),
        "the same symbol again, later": (np.array([5, 2, 5]),),
        "a symbol in the last frame": (np.array([0, 0, 4]),),
        "blanks only": (np.array([0, 0, 0]),),
        "one frame": (np.array([7]),),
        "no frames": (np.array([], int),),
        "40 frames of 3 symbols": (rng.integers(0, 3, 40),),
    }


def _cer_cases(rng):
    def texts(count, shortest):
        return ["".join(rng.choice(list("ab "), rng.integers(shortest, 9))) for _ in range(count)]

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
        "a letter that moves from one text to the next": (["ab", "c"], ["a", "bc"]),
        "a space before and after": (["no", "yes"], [" no", "yes "]),
        "cheap at first, expensive later": (["abcabc"], ["bcabca"]),
        "short texts of two letters and spaces": (texts(20, 1), texts(20, 0)),
    }


EXERCISES = (
    Exercise(
        "00.1",
        "collapse",
        "symbols of the text from a path",
        collapse,
        _collapse_cases,
        lists=True,
        package=greedy.collapse,
    ),
    Exercise(
        "00.2",
        "cer",
        "character error rate of a list of texts",
        cer,
        _cer_cases,
        package=align_characters,
    ),
)
