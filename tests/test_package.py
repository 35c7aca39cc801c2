"""The package as it is installed: a wheel has neither chapters nor data_scripts."""

import re
from pathlib import Path

import pytest

from ds2np.learn import book

ROOT = Path(__file__).parents[1]
FILES = [
    path
    for path in (ROOT / "ds2np").rglob("*")
    if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
]


def test_the_wheel_has_all_files_of_the_package():
    """It takes the modules of each folder that has an __init__.py, and the listed patterns."""
    text = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"package-data\]\nds2np = \[(.*?)\]", text, re.S).group(1)
    patterns = re.findall(r'"(.+?)"', listed)
    taken = {p for p in FILES if p.suffix == ".py" and (p.parent / "__init__.py").exists()}
    taken.update(p for pattern in patterns for p in (ROOT / "ds2np").glob(pattern))
    assert set(FILES) == taken


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Take the chapters away; the reader's file is then in the working directory."""
    monkeypatch.setattr(book, "FOLDER", tmp_path / "chapters")
    monkeypatch.setattr("ds2np.learn.answers.FOLDER", tmp_path / "chapters")
    monkeypatch.delenv("DS2NP_ANSWERS", raising=False)
    monkeypatch.chdir(tmp_path)


def test_learn_says_where_the_chapters_are(installed, ds2np):
    code, out, err = ds2np("learn")
    assert (code, err) == (0, "")
    assert out.endswith(
        "exercises done, in my_ds2np.py\n"
        "next: 00.1 collapse, in chapters/00_ten_minutes.ipynb\n"
        "the chapters are notebooks, which only a clone of the repository has\n"
    )


@pytest.mark.parametrize("command", [("learn", "check"), ("demo", "--answers")])
def test_without_answers_they_say_who_writes_them(installed, ds2np, command):
    code, out, err = ds2np(*command)
    assert (code, out) == (2, "")
    assert err.startswith("error: there is no my_ds2np.py; ")
    assert "checks in the notebooks, which only a clone of the repository has" in err
    assert err.count("\n") == 1


def test_answers_are_checked_without_the_notebooks(installed, ds2np):
    Path("my_ds2np.py").write_text("def collapse(path, blank=0):\n    return path\n")
    code, out, _ = ds2np("learn", "check", "00.1")
    assert code == 1
    assert out.startswith("00.1 collapse: wrong: ")
