"""The command learn: progress, verdicts, and a reader's file in any state."""

import os

import pytest

from ds2np.learn import progress
from ds2np.learn.book import CHAPTERS

pytestmark = pytest.mark.usefixtures("chapters")

RIGHT = """
def double(x):
    return x + x


def count(x):
    return len(x)


def halve(x):
    return 0.5 * x
"""


def test_at_first_nothing_is_done(ds2np, answers_file):
    code, out, err = ds2np("learn")
    assert (code, err) == (0, "")
    assert out == (
        "01  [..]  Toy: chapters/01_toy.ipynb\n"
        "    01.1  not done  double: twice its argument\n"
        "    01.2  not done  count: how many there are\n"
        "02  [.]  More: chapters/02_more.ipynb\n"
        "    02.1  not done  halve: half of its argument\n"
        f"\n0 of 3 exercises done, in {answers_file}\n"
        "next: 01.1 double, in chapters/01_toy.ipynb\n"
    )
    assert not answers_file.exists()


def test_the_next_one_is_the_first_that_is_not_correct(ds2np, answers_file):
    answers_file.write_text(RIGHT.replace("len(x)", "len(x) + 1").replace("def halve", "def half"))
    _, out, _ = ds2np("learn")
    assert "01.1  correct   double" in out
    assert "01.2  wrong     count" in out
    assert "02.1  not done  halve" in out
    assert out.endswith(
        f"1 of 3 exercises done, in {answers_file}\nnext: 01.2 count, in chapters/01_toy.ipynb\n"
    )


def test_all_done(ds2np, answers_file):
    answers_file.write_text(RIGHT)
    assert ds2np("learn")[1].endswith(f"3 of 3 exercises done, in {answers_file}\nall done\n")
    verdicts = "01.1 double: correct\n01.2 count: correct\n02.1 halve: correct\n"
    assert ds2np("learn", "check") == (0, verdicts, "")


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (["01.2"], ["count"]),
        (["01"], ["double", "count"]),
        (["02", "01.1"], ["halve", "double"]),
        (["2", "1.1"], ["halve", "double"]),
    ],
)
def test_only_what_is_asked_for_is_checked(ds2np, answers_file, numbers, names):
    answers_file.write_text(RIGHT)
    code, out, _ = ds2np("learn", "check", *numbers)
    assert code == 0
    assert [line.split()[1].rstrip(":") for line in out.splitlines()] == names


def test_another_file(ds2np, answers_file, tmp_path):
    other = tmp_path / "no ending"
    other.write_text(RIGHT)
    assert ds2np("learn", "check", "--answers", other)[0] == 0
    assert ds2np("learn", "check")[0] == 2


@pytest.mark.parametrize("number", ["03", "01.3", "1.3", "double", "01.", "."])
def test_wrong_numbers(ds2np, answers_file, number):
    answers_file.write_text(RIGHT)
    code, out, err = ds2np("learn", "check", number)
    assert (code, out) == (2, "")
    assert err == f"error: there is no exercise {number}; expected one of 01.1, 01.2, 02.1\n"


def test_another_action(ds2np):
    code, _, err = ds2np("learn", "01.1")
    assert code == 2
    assert "invalid choice: '01.1'" in err


def test_no_file(ds2np, answers_file):
    code, out, err = ds2np("learn", "check")
    assert (code, out) == (2, "")
    assert err.startswith(f"error: there is no {answers_file}; ")
    assert "a function double answers 01.1" in err


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("x = 1\ndef double(:\n", 2, "SyntaxError: invalid syntax"),
        ("def double(x):\nreturn 2 * x\n", 2, "IndentationError: expected an indented block"),
        ("def double(x):\n\treturn x\n        return x\n", 3, "TabError: inconsistent use"),
        ("import math\n\nmath.sqrt(-1)\n", 3, "ValueError: "),
        ("import numpie\n", 1, "ModuleNotFoundError: No module named 'numpie'"),
        ("def f():\n    f()\n\n\nf()\n", 2, "RecursionError: maximum recursion depth exceeded"),
        ("raise SystemExit('that is all')\n", 1, "SystemExit: that is all"),
        ("import json\n\njson.loads('{')\n", 3, "JSONDecodeError: "),
        ("raise ValueError('two\\n lines')\n", 1, "ValueError: two lines"),
    ],
)
@pytest.mark.parametrize("action", [(), ("check",)])
def test_a_file_that_does_not_run(ds2np, answers_file, text, line, reason, action):
    answers_file.write_text(text)
    code, out, err = ds2np("learn", *action)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {answers_file}, line {line}: {reason}")
    assert answers_file.read_text() == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a = 1\nb = '\xe9'\n", ", line 2: not valid UTF-8; save the file as UTF-8"),
        ("a = 1\n".encode("utf-16"), ", line 1: not valid UTF-8; save the file as UTF-8"),
        (b"a = 1\0\n", "null bytes"),
    ],
)
def test_a_file_that_is_no_text(ds2np, answers_file, data, reason):
    answers_file.write_bytes(data)
    code, out, err = ds2np("learn", "check")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {answers_file}")
    assert reason in err


def test_a_folder_in_its_place(ds2np, answers_file):
    answers_file.mkdir()
    code, out, err = ds2np("learn", "check")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(answers_file) in err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def double(x):\n    return 2 * x + 1\n", "the largest difference is 1, at (0,)"),
        ("def double(x):\n    2 * x\n", "the answer is None; is a return missing?"),
        ("def double(x):\n    return double(x)\n", "in its line `return double(x)` (case: three n"),
        ("def double(x):\n    return x.double()\n", "has no attribute 'double', in its line `ret"),
        ("def double():\n    return 2\n", "takes 0 positional arguments but 1 was given"),
        ("def double(x):\n    return two * x\n", "NameError: name 'two' is not defined"),
        ("def double(x):\n    raise SystemExit\n", "your code raised SystemExit"),
        ("def double(x):\n    x *= 2\n    return x\n", "the function changes its argument x"),
        ("double = 2\n", "double is of type int; expected a function"),
        ("double = None\n", "double is of type NoneType; expected a function"),
    ],
)
def test_a_wrong_answer(ds2np, answers_file, text, reason):
    answers_file.write_text(text)
    code, out, err = ds2np("learn", "check", "01.1")
    assert (code, err, out.count("\n")) == (1, "", 1)
    assert out.startswith("01.1 double: wrong: ")
    assert reason in out


def test_what_is_not_done_is_no_success(ds2np, answers_file):
    answers_file.write_text("def double(x):\n    raise NotImplementedError\n")
    assert ds2np("learn", "check", "01") == (
        1,
        "01.1 double: not done\n01.2 count: not done\n",
        "",
    )


def test_what_answers_print_is_shown_where_they_are_checked_only(ds2np, answers_file):
    answers_file.write_text(
        "print('loaded')\n" + RIGHT.replace("return x + x", "print('in'); return x + x")
    )
    assert "loaded" not in ds2np("learn")[1]
    assert " in\n" not in ds2np("learn")[1]
    code, out, _ = ds2np("learn", "check", "01.1")
    assert (code, out) == (0, "loaded\nin\nin\nin\n01.1 double: correct\n")


def test_the_real_book(ds2np, answers_file, monkeypatch):
    monkeypatch.undo()
    code, out, err = ds2np("learn", "--answers", answers_file)
    assert (code, err) == (0, "")
    assert [line[:2] for line in out.splitlines() if line[:1].isdigit()][: len(CHAPTERS)] == [
        chapter.number for chapter in CHAPTERS
    ]
    first = next(e for c in CHAPTERS for e in c.exercises)
    assert f"next: {first.number} {first.function}" in out


def test_a_bar_for_each_chapter(ds2np, answers_file):
    answers_file.write_text(RIGHT.replace("len(x)", "0"))
    assert "01  [#.]  Toy" in ds2np("learn")[1]
    assert "02  [#]  More" in ds2np("learn")[1]


def test_the_next_exercise_is_checked(ds2np, answers_file):
    answers_file.write_text(RIGHT.replace("len(x)", "0"))
    code, out, _ = ds2np("learn", "next")
    assert (code, out.splitlines()[0]) == (
        1,
        "01.2 count: how many there are, in chapters/01_toy.ipynb",
    )
    assert out.splitlines()[1].startswith("01.2 count: wrong: expected 5, got 0")
    answers_file.write_text(RIGHT)
    assert ds2np("learn", "next") == (0, "all done\n", "")


def test_hints(ds2np):
    code, out, _ = ds2np("learn", "hint", "1.1")
    assert (code, out.count("\n")) == (0, 1)
    assert out.startswith("01.1, hint 1 of 3: ")
    assert ds2np("learn", "hint", "1.1", "--all")[1].count("\n") == 3
    code, _, err = ds2np("learn", "hint")
    assert (code, err.count("\n")) == (2, 1)


def test_an_answer_that_is_taken_out_is_kept_beside(ds2np, answers_file):
    mine = "@staticmethod\ndef count(x):\n    return 1\n"
    answers_file.write_text(f"{RIGHT}\n\n# Exercise 01.2\n{mine}")
    code, out, _ = ds2np("learn", "reset", "1.2")
    kept = answers_file.with_name("my_ds2np_old.py")
    assert (code, out) == (0, f"01.2 count: taken out; it is kept in {kept}\n")
    assert kept.read_text() == f"\n\n# Exercise 01.2\n{mine}"
    assert answers_file.read_text() == RIGHT
    answers_file.write_text(f"{RIGHT}\n\n# Exercise 9.9\n{mine}")  # its number in an earlier book
    assert ds2np("learn", "reset", "1.2")[0] == 0
    assert answers_file.read_text() == RIGHT
    assert ds2np("learn", "reset", "01.2", "02")[0] == 0  # the one before it
    assert "def count" not in answers_file.read_text()
    assert ds2np("learn", "reset", "01.2")[1] == "01.2 count: not there\n"
    assert ds2np("learn", "check", "01.1")[0] == 0
    assert ds2np("learn", "reset")[0] == 2


def test_whoever_watches_sees_each_change(chapters, answers_file, capsys, monkeypatch):
    versions = iter([RIGHT.replace("len(x)", "0"), "def double(:", RIGHT])

    def next_version(_):
        text = next(versions, None)
        if text is None:
            raise KeyboardInterrupt
        answers_file.write_text(text)
        os.utime(answers_file, ns=(len(seen), len(seen)))
        seen.append(text)

    seen = []
    monkeypatch.setattr(progress.time, "sleep", next_version)
    assert progress.watch(answers_file) == 0
    out = capsys.readouterr().out
    parts = ["01.1 double: not done", "01.2 count: wrong", "error: ", "all done"]
    assert [part in out for part in parts] == [True] * 4
    assert sorted(map(out.index, parts)) == list(map(out.index, parts))
