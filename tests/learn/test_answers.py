"""Answers written to the reader's file leave the rest of it unchanged, byte for byte."""

import pytest

from ds2np.errors import UserError
from ds2np.learn import answers as module
from ds2np.learn.exercise import CORRECT

NEW = "def double(x):\n    return x + x\n"


@pytest.fixture
def double(chapters):
    return chapters[0].exercises[0]


def test_a_new_file(double, answers_file):
    assert module.keep(answers_file, double, NEW).state == CORRECT
    assert answers_file.read_text() == module.HEADER + "\n\n# Exercise 01.1\n" + NEW
    assert module.load(answers_file)["double"](2) == 4


def test_several_functions_in_the_order_in_which_they_were_solved(chapters, answers_file):
    double, count = chapters[0].exercises
    module.keep(answers_file, count, "def count(x):\n    return len(x)\n")
    module.keep(answers_file, double, NEW)
    module.keep(answers_file, count, "def count(x):\n    return x.size")
    assert answers_file.read_text() == (
        f"{module.HEADER}\n\n# Exercise 01.2\ndef count(x):\n    return x.size\n"
        f"\n\n# Exercise 01.1\n{NEW}"
    )


OLD = b"def double(x):\n    return 2 * x\n"


@pytest.mark.parametrize(
    ("before", "old", "after"),
    [
        (b"", OLD, b""),
        (b"# mine\n\n", OLD, b"    # a note behind it\n\n\nx = 1  # \xc3\xa9\n"),
        (b"import functools\n\n\n", b"@functools.cache\n@functools.cache\n" + OLD, b"\n\ny = 2\n"),
        (b"def other(x):\n\treturn x\t# tab\n", b"def double(x):\n\treturn 2*x # old\n", b"\n\n"),
        (b"text = '''\ndef double(x):\n    no code'''\n", OLD, b"\n\x0cz = 3\n"),
        (b"\xef\xbb\xbf# with a mark\n", OLD, b""),
        (b"def double(x):\n    return 0\n\n\n", OLD, b""),
        (b"", b"def double(x): return 2 * x\n", b"a = 1\n"),
        (b"a = 1; b = 2\n", b"def double(\n    x,\n):\n    'doc'\n    return (\n  2*x)\n", b"#"),
        (b"class A:\n    def double(self):\n        pass\n\n", OLD, b""),
        (b"", b"def double(x):\n    def double(x):\n        pass\n    return 2 * x\n", b"\n#\n"),
        (b"s = '\xe2\x80\xa8 \x0b \x1c'\n", OLD, b"t = '\xc2\x85'\n"),
    ],
)
@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_all_else_stays_as_it_is(double, answers_file, before, old, after, newline):
    before, old, after = (part.replace(b"\n", newline) for part in (before, old, after))
    answers_file.write_bytes(before + old + after)
    assert module.keep(answers_file, double, NEW).state == CORRECT
    assert answers_file.read_bytes() == before + NEW.encode().replace(b"\n", newline) + after


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_no_newline_at_the_end(double, answers_file, newline):
    new = NEW.encode().replace(b"\n", newline)
    answers_file.write_bytes(b"a = 1" + newline + b"def double(x): return 2 * x")
    module.keep(answers_file, double, NEW)
    assert answers_file.read_bytes() == b"a = 1" + newline + new.rstrip()
    answers_file.write_bytes(b"b = 1" + newline + b"a = 1")
    module.keep(answers_file, double, NEW)
    start = newline.join([b"b = 1", b"a = 1", b"", b"", b"# Exercise 01.1", b""])
    assert answers_file.read_bytes() == start + new


@pytest.mark.parametrize(
    "text", ["double = abs\n", "from operator import neg as double\n", "class double:\n    pass\n"]
)
def test_an_earlier_one_that_is_no_def_is_outdone(double, answers_file, text):
    answers_file.write_text(text)
    assert module.keep(answers_file, double, NEW).state == CORRECT
    assert answers_file.read_text() == f"{text}\n\n# Exercise 01.1\n{NEW}"


def test_what_works_only_in_the_notebook_is_not_kept(double, answers_file):
    answers_file.write_text("x = 1\n")
    verdict = module.keep(answers_file, double, "def double(x):\n    return two() * x\n")
    assert "NameError: name 'two' is not defined, in its line `return two() * x`" in verdict.reason
    assert answers_file.read_text() == "x = 1\n"


@pytest.mark.parametrize(
    ("text", "source", "reason"),
    [
        ("def f(:\n", NEW, ", line 1: SyntaxError: "),
        ("x = 1\n", "@jit\n" + NEW, ", line 5: NameError: name 'jit' is not defined"),
        ("1 / 0\n", NEW, ", line 1: ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_would_not_run_is_not_written(double, answers_file, text, source, reason):
    answers_file.write_text(text)
    with pytest.raises(UserError) as raised:
        module.keep(answers_file, double, source)
    assert str(raised.value).startswith(f"{answers_file}{reason}")
    assert answers_file.read_text() == text


def test_what_is_no_utf8_is_left_alone(double, answers_file):
    answers_file.write_bytes(b"# -*- coding: latin-1 -*-\na = '\xe9'\n")
    with pytest.raises(UserError, match="line 2: not valid UTF-8"):
        module.keep(answers_file, double, NEW)
    assert answers_file.read_bytes() == b"# -*- coding: latin-1 -*-\na = '\xe9'\n"


def test_what_it_prints_is_not_printed_again(double, answers_file, capsys):
    module.keep(answers_file, double, "def double(x):\n    print('again')\n    return 2 * x\n")
    assert capsys.readouterr().out == ""


def test_characters_of_all_kinds(double, answers_file):
    source = 'def double(x):\n    """\u03b1 times \u2028 \U0001f600."""\n    return 2 * x\n'
    module.keep(answers_file, double, source)
    module.keep(answers_file, double, source)
    assert answers_file.read_text(encoding="utf-8").count(source) == 1


def test_where_the_file_is(monkeypatch, tmp_path):
    monkeypatch.delenv("DS2NP_ANSWERS", raising=False)
    assert module.default_path() == module.CLONE / "my_ds2np.py"
    monkeypatch.setattr(module, "CLONE", None)
    assert str(module.default_path()) == "my_ds2np.py"
    monkeypatch.setenv("DS2NP_ANSWERS", str(tmp_path / "x.py"))
    assert module.default_path() == tmp_path / "x.py"
