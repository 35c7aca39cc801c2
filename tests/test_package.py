"""The package as it is installed: a wheel has chapters, but no clone around it."""

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
    listed = re.search(r"package-data\].*?\nds2np = \[(.*?)\]", text, re.S).group(1)
    patterns = re.findall(r'"(.+?)"', listed)
    taken = {p for p in FILES if p.suffix == ".py" and (p.parent / "__init__.py").exists()}
    taken.update(p for pattern in patterns for p in (ROOT / "ds2np").glob(pattern))
    assert set(FILES) == taken


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Take the clone away; the reader's file is then in the working directory."""
    monkeypatch.setattr("ds2np.learn.answers.CLONE", None)
    monkeypatch.setattr("ds2np.learn.start.CLONE", None)
    monkeypatch.delenv("DS2NP_ANSWERS", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_wheel_has_the_book():
    """The package-data of the folder that setup.py adds."""
    text = (ROOT / "pyproject.toml").read_text()
    patterns = re.search(r'"ds2np.learn.chapters" = \[(.*?)\]', text).group(1)
    taken = {p for pattern in re.findall(r'"(.+?)"', patterns) for p in book.FOLDER.glob(pattern)}
    needed = {book.FOLDER / f"{chapter.file}.ipynb" for chapter in book.CHAPTERS}
    needed |= {p for p in (book.FOLDER / "images").iterdir() if p.is_file()}
    needed |= set((book.FOLDER / "widgets").glob("*.js"))
    assert needed <= taken


def test_learn_says_where_the_answers_are(installed, ds2np):
    code, out, err = ds2np("learn")
    assert (code, err) == (0, "")
    assert out.endswith(
        "exercises done, in my_ds2np.py\nnext: 00.1 collapse, in chapters/00_ten_minutes.ipynb\n"
    )


def test_start_copies_the_notebooks_once(installed, ds2np):
    code, out, err = ds2np("learn", "start")
    count = len(book.CHAPTERS)
    assert (code, err) == (0, "")
    assert out == (
        f"{count} notebooks are in my_chapters, to work in: jupyter lab my_chapters\n"
        "your answers are kept in that folder; there, `ds2np learn` lists what is done\n"
    )
    for image in re.findall(
        r"\]\((images/\w+\.svg)\)", Path("my_chapters/05_ctc.ipynb").read_text()
    ):
        assert Path("my_chapters", image).exists()
    Path("my_chapters/05_ctc.ipynb").write_text("mine")
    Path("my_chapters/04_recurrence.ipynb").unlink()
    assert (
        f"{count - 1} of them were there already and stay as they are" in ds2np("learn", "start")[1]
    )
    assert Path("my_chapters/05_ctc.ipynb").read_text() == "mine"
    assert Path("my_chapters/04_recurrence.ipynb").exists()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "one folder for the copy is enough, found a, b"),
        ([__file__], "is a file; name a folder for your copy of the notebooks"),
        ([str(book.FOLDER)], "has the chapters themselves; name another folder for your copy"),
    ],
)
def test_start_refuses(installed, ds2np, names, message):
    code, out, err = ds2np("learn", "start", *names)
    assert (code, out) == (2, "")
    assert message in err


def test_in_a_clone_the_copy_stands_beside_the_chapters(monkeypatch, tmp_path, ds2np):
    """So that their links to the package's files lead somewhere."""
    monkeypatch.setattr("ds2np.learn.start.CLONE", tmp_path)
    out = ds2np("learn", "start")[1]
    assert f"your answers are kept in {tmp_path / 'my_ds2np.py'}" in out
    assert (tmp_path / "my_chapters" / "images" / "network_05.svg").exists()


@pytest.mark.parametrize("command", [("learn", "check"), ("demo", "--answers")])
def test_without_answers_they_say_who_writes_them(installed, ds2np, command):
    code, out, err = ds2np(*command)
    assert (code, out) == (2, "")
    assert err.startswith("error: there is no my_ds2np.py; ")
    assert "checks in the notebooks" in err
    assert err.count("\n") == 1


def test_answers_are_checked_without_the_notebooks(installed, ds2np):
    Path("my_ds2np.py").write_text("def collapse(path, blank=0):\n    return path\n")
    code, out, _ = ds2np("learn", "check", "00.1")
    assert code == 1
    assert out.startswith("00.1 collapse: wrong: ")
