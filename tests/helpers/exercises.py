"""All exercises, for tests of each of them."""

import importlib.util
from pathlib import Path

import pytest

from ds2np.learn.book import CHAPTERS, FOLDER
from ds2np.learn.kernel_exercise import KernelExercise

EXERCISES = [(chapter, exercise) for chapter in CHAPTERS for exercise in chapter.exercises]
KERNELS = [(chapter, e) for chapter, e in EXERCISES if isinstance(e, KernelExercise)]


def _per(exercises):
    names = [exercise.number for _, exercise in exercises]
    return pytest.mark.parametrize(("chapter", "exercise"), exercises, ids=names)


per_exercise = _per(EXERCISES)
per_function = _per([pair for pair in EXERCISES if pair not in KERNELS])
per_kernel = _per(KERNELS)


def load(path):
    """Import a file and return the module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def solution(chapter, exercise):
    """Return the solution of an exercise."""
    return getattr(load(FOLDER / "solutions" / f"{chapter.file}.py"), exercise.function)


def wrong_answers(chapter, exercise):
    """Return wrong answers to an exercise, a dict from the mistake to the function."""
    folder = Path(__file__).parents[1] / "chapters" / "wrong_answers"
    return load(folder / f"chapter{chapter.number}.py").WRONG[exercise.number]
