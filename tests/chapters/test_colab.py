"""The cell and the link for Google Colab, which a chapter has once the project has an address."""

import os
import subprocess
import sys
import types

import pytest

from ds2np.learn.book import FOLDER

sys.path.append(str(FOLDER))
import build
import colab

HERE = "https://github.com/someone/somewhere"


def test_the_address_is_that_of_the_project(tmp_path):
    project = tmp_path / "pyproject.toml"
    text = '[project]\nname = "a"\n\n[project.urls]\nHomepage = "https://a.org"\n'
    project.write_text(f'{text}Repository = "{HERE}/"\n\n[x]\n')
    assert colab.find_repository(project) == HERE
    project.write_text(text)
    assert colab.find_repository(project) is None
    project.write_text(f'[other]\nRepository = "{HERE}"\n')
    assert colab.find_repository(project) is None


def test_a_chapter_gets_a_link_and_a_folded_cell():
    source = FOLDER / "05_ctc.py"
    plain, with_address = build.read_source(source), build.read_source(source, HERE)
    title, setup, *others = with_address.cells
    assert title.source.endswith(
        "[![Open in Google Colab](images/colab.svg)](https://colab.research.google.com/github/"
        "someone/somewhere/blob/main/chapters/05_ctc.ipynb)"
    )
    assert setup.source == colab.setup(HERE)
    assert setup.metadata.jupyter.source_hidden
    assert [cell.id for cell in others] == [cell.id for cell in plain.cells[1:]]


@pytest.fixture
def ran(monkeypatch):
    """Record what the cell does, in place of doing it."""
    done = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: done.append(command))
    monkeypatch.setattr(os, "chdir", lambda folder: done.append(folder))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("DS2NP_ANSWERS", "")
    return done


def test_elsewhere_the_cell_does_nothing(ran):
    exec(colab.setup(HERE), {})
    assert ran == []
    assert os.environ["DS2NP_ANSWERS"] == ""


def test_in_colab_it_gets_the_package_and_keeps_answers_in_the_drive(ran, monkeypatch):
    google = types.ModuleType("google")
    google.colab = types.ModuleType("google.colab")
    google.colab.drive = types.SimpleNamespace(mount=ran.append)
    monkeypatch.setitem(sys.modules, "google", google)
    monkeypatch.setitem(sys.modules, "google.colab", google.colab)
    exec(colab.setup(HERE), {})
    drive, clone, install, folder = ran
    assert drive == "/content/drive"
    assert clone[:2] == ["git", "clone"]
    assert clone[-2:] == [HERE, "/content/ds2np"]
    assert install[-2:] == ["-e", "/content/ds2np"]
    assert folder == "/content/ds2np/chapters"
    assert sys.path[0] == "/content/ds2np"
    assert os.environ["DS2NP_ANSWERS"].startswith("/content/drive/MyDrive/")
