import sys
import types
from dataclasses import dataclass

import numpy as np
import pytest

from ds2np.learn import book
from ds2np.learn import progress as command
from ds2np.learn.exercise import Exercise


@dataclass(frozen=True)
class ToyChapter(book.Chapter):
    """A chapter with its own exercises."""

    exercises: tuple = ()


def double_cases(rng):
    return {
        "three numbers": (rng.standard_normal(3),),
        "none": (np.zeros(0),),
        "a table": (rng.standard_normal((2, 3)),),
    }


DOUBLE = Exercise("01.1", "double", "twice its argument", lambda x: 2 * x, double_cases)
COUNT = Exercise("01.2", "count", "how many there are", len, lambda rng: {"five": (np.arange(5),)})
HALVE = Exercise("02.1", "halve", "half of its argument", lambda x: x / 2, double_cases)


@pytest.fixture
def chapters(monkeypatch):
    """Replace the chapters of the book by two small ones."""
    chapters = (
        ToyChapter("01_toy", "Toy", "two functions", "none", 5, (DOUBLE, COUNT)),
        ToyChapter("02_more", "More", "one function", "none", 5, (HALVE,)),
    )
    monkeypatch.setattr(book, "CHAPTERS", chapters)
    monkeypatch.setattr(command, "CHAPTERS", chapters)
    return chapters


@pytest.fixture
def answers_file(tmp_path, monkeypatch):
    """Return the path of the reader's file, which does not exist yet."""
    path = tmp_path / "my_ds2np.py"
    monkeypatch.setenv("DS2NP_ANSWERS", str(path))
    return path


@pytest.fixture
def tones(tmp_path):
    from helpers import toys

    from ds2np.data.manifest import read_manifest

    return read_manifest(toys.make_corpus(tmp_path / "tones"))


@pytest.fixture
def small(monkeypatch, tones, no_report):
    """Make the graduation's network, data and training small."""
    from helpers.graduation import NETWORK, TRAINING

    from ds2np.learn.graduation import run as graduation

    monkeypatch.setattr(graduation, "NETWORK", NETWORK)
    monkeypatch.setattr(graduation, "TRAINING", TRAINING)
    monkeypatch.setattr(graduation, "make_digits", lambda folder: (tones, tones[:4]))


@pytest.fixture
def graduate(ds2np, small, tmp_path):
    """Write the reader's file and run the command."""

    def run(text, *options):
        path = tmp_path / "my_ds2np.py"
        path.write_text("import numpy as np\n" + text, encoding="utf-8")
        return ds2np("demo", "--answers", path, "--folder", tmp_path / "demo", *options)

    return run


def list_attributes():
    """Collect the functions of every module of the package and of their classes."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith("ds2np."):
            for attribute, value in vars(module).items():
                found[name, attribute] = value
                if isinstance(value, type) and value.__module__ == name:
                    found |= {(name, attribute, inner): v for inner, v in vars(value).items()}
    functions = types.FunctionType, staticmethod, property
    return {key: v for key, v in found.items() if isinstance(v, functions)}


@pytest.fixture
def restored():
    """Check that each test restores every function of the package."""
    before = list_attributes()
    yield
    after = list_attributes()
    changed = [key for key, value in before.items() if after.get(key) is not value]
    # Static methods and properties are created again; the functions in them are the same.
    assert [key for key in changed if inner(before[key]) is not inner(after[key])] == []


def inner(value):
    """Return the function in a static method or a property."""
    if isinstance(value, property):
        return value.fget
    return value.__func__ if isinstance(value, staticmethod) else value
