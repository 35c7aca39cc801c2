"""Every exercise: its stub is not done, its solution is correct, plausible mistakes are wrong."""

from helpers.exercises import per_exercise, per_function, solution, wrong_answers

from ds2np.learn import answers
from ds2np.learn.book import CHAPTERS, FOLDER, find_exercise
from ds2np.learn.exercise import CORRECT, NOT_DONE, WRONG
from ds2np.learn.hints import HINTS


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


@per_function
def test_the_solution_is_correct(chapter, exercise):
    assert str(exercise.check(solution(chapter, exercise))) == CORRECT


@per_function
def test_plausible_mistakes_are_wrong(chapter, exercise):
    mistakes = wrong_answers(chapter, exercise)
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


@per_exercise
def test_there_are_hints_and_a_place_to_compare_with(chapter, exercise):
    hints = HINTS[exercise.number]
    assert len(hints) >= 2
    assert all(hint[0].isupper() or hint[0].isalnum() for hint in hints)
    file, _, rest = exercise.origin().partition(", line ")
    line, _, name = rest.partition(": ")
    text = (FOLDER.parent / file).read_text(encoding="utf-8").splitlines()
    assert f"def {name}(" in "".join(text[int(line) - 1 : int(line) + 3])


def test_no_hint_is_left_over():
    assert set(HINTS) == {e.number for chapter in CHAPTERS for e in chapter.exercises}


def test_answers_are_found_by_name_whatever_their_number_was(tmp_path):
    solutions = (FOLDER / "solutions" / "18_a_word_nobody_said.py").read_text(encoding="utf-8")
    mine = tmp_path / "my_ds2np.py"
    mine.write_text(
        solutions.replace("def normalise", "# Exercise 10.2\ndef normalise").replace(
            "def within", "# Exercise 10.3\ndef within"
        )
    )
    for number, state in (("18.1", CORRECT), ("18.2", CORRECT), ("10.2", NOT_DONE)):
        assert answers.judge(find_exercise(number), mine)[0].state == state
