"""The command ``learn``: what there is to do, what is done, and what comes next."""

from ds2np.errors import UserError
from ds2np.learn import mine
from ds2np.learn.book import CHAPTERS, find_exercise
from ds2np.learn.exercise import CORRECT, NOT_DONE, WRONG, Verdict


def list_chapters(path):
    """Print chapters and exercises, done or not.

    Parameters
    ----------
    path : Path
        The reader's file.

    Returns
    -------
    int
        0
    """
    names = mine.load(path)
    following = None
    for chapter in CHAPTERS:
        print(f"{chapter.number}  {chapter.title}: chapters/{chapter.file}.ipynb")
        for exercise in chapter.exercises:
            state = _verdict(exercise, names).state
            print(f"    {exercise.number}  {state:<8}  {exercise.function}: {exercise.task}")
            if state != CORRECT and following is None:
                following = chapter, exercise
    done = sum(_verdict(e, names).state == CORRECT for c in CHAPTERS for e in c.exercises)
    print(f"\n{done} of {sum(len(c.exercises) for c in CHAPTERS)} exercises done, in {path}")
    if following:
        chapter, exercise = following
        print(f"next: {exercise.number} {exercise.function}, in chapters/{chapter.file}.ipynb")
    else:
        print("all done")
    return 0


def check_answers(path, numbers):
    """Check answers that are in the reader's file, and print the verdicts.

    Parameters
    ----------
    path : Path
    numbers : list of str
        Of exercises such as "05.2", or of chapters such as "05"; none for all.

    Returns
    -------
    int
        0 if all are correct, else 1.

    Raises
    ------
    UserError
        If a number is not that of an exercise, or there is no such file.
    """
    exercises = [e for c in CHAPTERS for e in c.exercises]
    if numbers:
        exercises = [e for number in numbers for e in _find(number)]
    if not path.exists():
        raise UserError(
            f"there is no {path}; the checks in the notebooks write it, or write it yourself: "
            f"a function `{exercises[0].function}` answers {exercises[0].number}"
        )
    names = mine.load(path)
    verdicts = [_verdict(e, names) for e in exercises]
    for exercise, verdict in zip(exercises, verdicts, strict=True):
        print(f"{exercise.number} {exercise.function}: {verdict}")
    return 0 if all(v.state == CORRECT for v in verdicts) else 1


def _find(number):
    if exercise := find_exercise(number):
        return [exercise]
    for chapter in CHAPTERS:
        if number == chapter.number and chapter.exercises:
            return chapter.exercises
    all_numbers = [e.number for c in CHAPTERS for e in c.exercises]
    raise UserError(f"there is no exercise {number}; there are {', '.join(all_numbers)}")


def _verdict(exercise, names):
    if exercise.function not in names:
        return Verdict(NOT_DONE)
    answer = names[exercise.function]
    if not callable(answer):
        return Verdict(WRONG, f"{exercise.function} is a {type(answer).__name__}, not a function")
    return exercise.check(answer)
