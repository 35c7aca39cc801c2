"""Every exercise: its stub is not done, its solution is correct, plausible mistakes are wrong."""

import importlib.util
from pathlib import Path

import pytest

from ds2np.learn.book import CHAPTERS, FOLDER
from ds2np.learn.exercise import CORRECT, NOT_DONE, WRONG

EXERCISES = [(chapter, exercise) for chapter in CHAPTERS for exercise in chapter.exercises]
per_exercise = pytest.mark.parametrize(
    ("chapter", "exercise"), EXERCISES, ids=[e.number for _, e in EXERCISES]
)


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stub_of(chapter, exercise):
    """Run the one cell of the chapter's source that defines the function."""
    cells = (FOLDER / f"{chapter.file}.py").read_text(encoding="utf-8").split("\n# %%")
    found = [c for c in cells if f"\ndef {exercise.function}(" in c and "NotImplementedError" in c]
    assert len(found) == 1
    names = {}
    exec(found[0].partition("\n")[2], names)
    return names[exercise.function]


@per_exercise
def test_the_stub_is_not_done(chapter, exercise):
    assert exercise.check(stub_of(chapter, exercise)).state == NOT_DONE


@per_exercise
def test_the_solution_is_correct(chapter, exercise):
    solutions = load(FOLDER / "solutions" / f"{chapter.file}.py")
    assert str(exercise.check(getattr(solutions, exercise.function))) == CORRECT


@per_exercise
def test_plausible_mistakes_are_wrong(chapter, exercise):
    answers = load(Path(__file__).parent / "wrong_answers" / f"chapter{chapter.number}.py").WRONG
    mistakes = answers[exercise.number]
    assert len(mistakes) >= 2
    for mistake, answer in mistakes.items():
        verdict = exercise.check(answer)
        assert verdict.state == WRONG, mistake
        assert "case: " in verdict.reason or "return missing" in verdict.reason


@per_exercise
def test_the_chapter_checks_it_and_links_its_solution(chapter, exercise):
    source = (FOLDER / f"{chapter.file}.py").read_text(encoding="utf-8")
    assert f'check("{exercise.number}", {exercise.function})' in source
    assert f"solutions/{chapter.file}.py" in source


def test_numbers_count_up_in_each_chapter():
    for chapter in CHAPTERS:
        numbers = [exercise.number for exercise in chapter.exercises]
        assert numbers == [f"{chapter.number}.{i}" for i in range(1, len(numbers) + 1)]
