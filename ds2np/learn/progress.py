"""The command ``learn``: list the exercises and check the answers."""

import contextlib
import io

from ds2np.errors import UserError
from ds2np.learn import answers, book
from ds2np.learn.book import CHAPTERS, find_exercise, name_notebooks
from ds2np.learn.exercise import CORRECT


def list_chapters(path):
    """Print all chapters and exercises with their states, and the next exercise; return 0."""
    with contextlib.redirect_stdout(io.StringIO()):  # hide what the file prints
        answers.load(path)
    states = {e.number: answers.judge(e, path)[0].state for e in _all_exercises()}
    following = None
    for chapter in CHAPTERS:
        print(f"{chapter.number}  {chapter.title}: chapters/{chapter.file}.ipynb")
        for exercise in chapter.exercises:
            state = states[exercise.number]
            print(f"    {exercise.number}  {state:<8}  {exercise.function}: {exercise.task}")
            if state != CORRECT and following is None:
                following = chapter, exercise
    print(f"\n{list(states.values()).count(CORRECT)} of {len(states)} exercises done, in {path}")
    if following:
        chapter, exercise = following
        print(f"next: {exercise.number} {exercise.function}, in chapters/{chapter.file}.ipynb")
    else:
        print("all done")
    if not book.FOLDER.is_dir():
        print("the chapters are notebooks, which only a clone of the repository has")
    return 0


def check_answers(path, numbers):
    """Check answers in the reader's file and print the verdicts.

    Return 0 if all are correct, else 1. `numbers` lists exercises ("05.2") or chapters ("05"); an
    empty list selects all. Raises `UserError` if one of them, or the file, does not exist.
    """
    exercises = [e for number in numbers for e in _find(number)] or _all_exercises()
    if not path.exists():
        raise UserError(
            f"there is no {path}; run the checks in {name_notebooks()}; or write it yourself: "
            f"a function {exercises[0].function} answers {exercises[0].number}"
        )
    answers.load(path)
    states = set()
    for exercise in exercises:
        verdict, printed = answers.judge(exercise, path)
        states.add(verdict.state)
        print(f"{printed}{exercise.number} {exercise.function}: {verdict}", flush=True)
    return 0 if states == {CORRECT} else 1


def _find(number):
    if exercise := find_exercise(number):
        return [exercise]
    for chapter in CHAPTERS:
        if number == chapter.number and chapter.exercises:
            return chapter.exercises
    there = ", ".join(e.number for e in _all_exercises())
    raise UserError(f"there is no exercise {number}; expected one of {there}")


def _all_exercises():
    return [exercise for chapter in CHAPTERS for exercise in chapter.exercises]
