"""The command ``learn``: list the exercises, check the answers, give hints."""

import contextlib
import io
import itertools
import time

from ds2np.errors import UserError
from ds2np.learn import answers
from ds2np.learn.book import CHAPTERS, find_exercise
from ds2np.learn.exercise import CORRECT
from ds2np.learn.hints import HINTS


def list_chapters(path):
    """Print all chapters and exercises with their states, and the next exercise; return 0."""
    states = _states(path)
    for chapter in CHAPTERS:
        print(f"{chapter.number}  {_bar(chapter, states)}{chapter.title}: {_notebook(chapter)}")
        for exercise in chapter.exercises:
            state = states[exercise.number]
            print(f"    {exercise.number}  {state:<8}  {exercise.function}: {exercise.task}")
    print(f"\n{list(states.values()).count(CORRECT)} of {len(states)} exercises done, in {path}")
    if following := _following(states):
        chapter, exercise = following
        print(f"next: {exercise.number} {exercise.function}, in {_notebook(chapter)}")
    else:
        print("all done")
    return 0


def check_answers(path, numbers):
    """Check answers in the reader's file and print the verdicts.

    Return 0 if all are correct, else 1. `numbers` lists exercises ("05.2", "5.2") or chapters
    ("05"); an empty list selects all. Raises `UserError` if one of them, or the file, does not
    exist.
    """
    exercises = [e for number in numbers for e in _find(number)] or _all_exercises()
    _expect_file(path, exercises[0])
    answers.load(path)
    correct = [_check(path, exercise) for exercise in exercises]
    return 0 if all(correct) else 1


def check_next(path):
    """Check the first answer that is not correct yet, and print where it belongs; as above."""
    following = _following(_states(path))
    if following is None:
        print("all done")
        return 0
    chapter, exercise = following
    print(f"{exercise.number} {exercise.function}: {exercise.task}, in {_notebook(chapter)}")
    return 0 if _check(path, exercise) else 1


def give_hints(numbers, all_of_them):
    """Print the first hint for each exercise, or all; return 0."""
    if not numbers:
        raise UserError("a hint for which exercise? For example: python -m ds2np learn hint 05.2")
    for exercise in itertools.chain(*map(_find, numbers)):
        hints = HINTS.get(exercise.number, ())
        for i, hint in enumerate(hints if all_of_them else hints[:1], 1):
            print(f"{exercise.number}, hint {i} of {len(hints)}: {hint}")
    return 0


def reset(path, numbers):
    """Take answers out of the reader's file, and keep them in a file beside it; return 0."""
    if not numbers:
        raise UserError("reset which exercise? For example: python -m ds2np learn reset 05.2")
    exercises = [exercise for number in numbers for exercise in _find(number)]
    _expect_file(path, exercises[0])
    for exercise in exercises:
        if kept := answers.take_out(path, exercise):
            print(f"{exercise.number} {exercise.function}: taken out; it is kept in {kept}")
        else:
            print(f"{exercise.number} {exercise.function}: not there")
    return 0


def watch(path, seconds=0.5):
    """Check the next answer whenever the reader's file changes, until interrupted; return 0."""
    print(f"waiting for changes of {path}; Ctrl-C ends", flush=True)
    seen = ""  # check at once, also if there is no file yet
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            now = path.stat().st_mtime_ns if path.exists() else None
            if now != seen:
                seen = now
                try:
                    check_next(path)
                except UserError as error:
                    print(f"error: {error}", flush=True)
            time.sleep(seconds)
    return 0


def _check(path, exercise):
    verdict, printed = answers.judge(exercise, path)
    print(f"{printed}{exercise.number} {exercise.function}: {verdict}", flush=True)
    return verdict.state == CORRECT


def _states(path):
    with contextlib.redirect_stdout(io.StringIO()):  # hide what the file prints
        answers.load(path)
    return {e.number: answers.judge(e, path)[0].state for e in _all_exercises()}


def _following(states):
    for chapter in CHAPTERS:
        for exercise in chapter.exercises:
            if states[exercise.number] != CORRECT:
                return chapter, exercise
    return None


def _bar(chapter, states):
    done = [states[exercise.number] == CORRECT for exercise in chapter.exercises]
    return f"[{''.join('#' if each else '.' for each in done)}]  " if done else ""


def _notebook(chapter):
    return f"chapters/{chapter.file}.ipynb"


def _expect_file(path, exercise):
    if not path.exists():
        raise UserError(
            f"there is no {path}; run the checks in the notebooks; or write it yourself: "
            f"a function {exercise.function} answers {exercise.number}"
        )


def _find(number):
    chapter_number, dot, position = number.partition(".")
    padded = f"{chapter_number:0>2}{dot}{position}"  # 5.2 is 05.2
    if exercise := find_exercise(padded):
        return [exercise]
    for chapter in CHAPTERS:
        if padded == chapter.number and chapter.exercises:
            return chapter.exercises
    there = ", ".join(e.number for e in _all_exercises())
    raise UserError(f"there is no exercise {number}; expected one of {there}")


def _all_exercises():
    return [exercise for chapter in CHAPTERS for exercise in chapter.exercises]
