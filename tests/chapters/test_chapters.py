"""Every chapter: built from its source, runs in a fresh kernel, stays small, tells the truth."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import pytest

from ds2np.learn.book import CHAPTERS, FOLDER

sys.path.append(str(FOLDER))
import build

ROOT = FOLDER.parent
SOURCES = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
per_chapter = pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)


def text_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def test_the_book_lists_all_chapters():
    assert [chapter.file for chapter in CHAPTERS] == [source.stem for source in SOURCES]


@per_chapter
def test_it_runs_from_top_to_bottom(source):
    notebook = build.read_source(source)
    build.execute(notebook)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [o.output_type for o in outputs if o.output_type == "error"] == []
    assert [o.text for o in outputs if o.get("name") == "stderr"] == []


@per_chapter
def test_the_notebook_is_built_from_its_source(source):
    expected = build.read_source(source)
    built = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [(c.cell_type, c.id, c.source, c.metadata) for c in built.cells] == [
        (c.cell_type, c.id, c.source, c.metadata) for c in expected.cells
    ]
    assert all(cell.execution_count for cell in built.cells if cell.cell_type == "code")


def test_what_only_imports_or_draws_is_folded():
    imports = "import a\nimport b\nimport c\nfrom d import (\n    e,\n)\nx = 1"
    assert build.is_aside(imports)
    assert not build.is_aside("import a\nimport b\nimport c\n")  # short enough to be seen
    assert not build.is_aside(imports.replace("x = 1", "x = 1\ny = 2\nz = 3"))
    draws = "figure, axes = plt.subplots()\nfor y in ys:\n    axes.plot(y)\n\naxes.grid()\n" * 2
    assert build.is_aside(f"{draws}show(1)")
    assert not build.is_aside(draws)
    assert not build.is_aside(f"{draws}show(1)\n" + "y = x\n" * 6)


@per_chapter
def test_no_more_than_three_imports_are_seen_at_the_beginning(source):
    first = next(c for c in build.read_source(source).cells if c.cell_type == "code")
    lines = [] if "jupyter" in first.metadata else first.source.splitlines()
    assert len([line for line in lines if line.startswith(("import ", "from "))]) <= 3


@per_chapter
def test_the_notebook_is_small(source):
    assert source.with_suffix(".ipynb").stat().st_size < 500 * 1024


@per_chapter
def test_pictures_are_described(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"!\[\s*\]", cell.source)
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                assert len(output.metadata["image/png"]["alt"]) > 20


@per_chapter
def test_links_lead_somewhere(source):
    text = text_of(build.read_source(source))
    targets = re.findall(r"\]\((?!https?:|#)([^)\s#]+)", text)
    assert targets
    assert [target for target in targets if not (FOLDER / target).exists()] == []


@per_chapter
def test_commands_exist(source):
    text = text_of(build.read_source(source))
    for command in set(re.findall(r"python -m ds2np ([a-z]+)", text)):
        arguments = [sys.executable, "-m", "ds2np", command, "--help"]
        assert subprocess.run(arguments, cwd=ROOT, capture_output=True).returncode == 0, command
    for script in set(re.findall(r"python ((?:data_scripts|chapters)/\S+\.py)", text)):
        assert (ROOT / script).exists()


@per_chapter
def test_nothing_of_the_builders_machine_is_in_it(source):
    built = source.with_suffix(".ipynb").read_text(encoding="utf-8").replace("\\n", " ")
    places = {Path.home(), Path(tempfile.gettempdir()), ROOT, ROOT.parent} - {Path("/")}
    paths = "|".join(re.escape(f"{place}/") for place in places)
    assert not re.search(rf"(?<!\w)({paths})|site-packages", built)


def test_drawings_are_what_their_code_draws():
    for name, text in build.draw().items():
        assert (FOLDER / "images" / name).read_text(encoding="utf-8") == text, name


def test_the_readme_lists_the_chapters():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for chapter in CHAPTERS:
        row = f"| [{chapter.number} {chapter.title}](chapters/{chapter.file}.ipynb) | "
        row += f"{chapter.builds} | {chapter.paper} | {chapter.minutes} min |"
        assert row in readme


def test_solutions_are_apart():
    for chapter in CHAPTERS:
        if chapter.exercises:
            assert (Path(FOLDER) / "solutions" / f"{chapter.file}.py").exists()
