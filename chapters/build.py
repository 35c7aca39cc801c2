"""Build the book: drawings, then notebooks from their sources, executed, then pages.

    python chapters/build.py            all notebooks
    python chapters/build.py 01 05      some of them
    python chapters/build.py --html book    pages for any static host, from the built notebooks

A notebook's source is NN_name.py beside it, in jupytext's percent format: change that, then build.
"""

import ast
import importlib.util
import os
import re
import sys
import tempfile
from pathlib import Path

import colab
import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from ds2np.commands import program
from ds2np.errors import UserError
from ds2np.files import replacing

FOLDER = Path(__file__).parent
# What statements that draw have in them: matplotlib's names, and the functions of ds2np.plots.
DRAWING = r"\b(plt|figure|axes|axis|ax|show|plot_\w+)\b"
ASIDE = 0.7  # share of the lines
HIDDEN = nbformat.NotebookNode(source_hidden=True)
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read_source(source, repository=None):
    """Read a chapter's source as a notebook without outputs, the same at each reading.

    Parameters
    ----------
    source : Path
    repository : str, optional
        Its public address, for a chapter that opens in Google Colab (default: the project's).

    Returns
    -------
    NotebookNode
    """
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.NotebookNode(kernelspec=KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"{source.stem[:2]}-{i:03}"
        if cell.cell_type == "code" and is_aside(cell.source):
            cell.metadata["jupyter"] = HIDDEN
    if repository := repository or colab.find_repository():
        notebook.cells[0].source += f"\n\n{colab.link(repository, source.stem)}"
        setup = nbformat.v4.new_code_cell(colab.setup(repository), id=f"{source.stem[:2]}-colab")
        setup.metadata["jupyter"] = HIDDEN
        notebook.cells.insert(1, setup)
    return notebook


def is_aside(code):
    """Whether a cell mostly imports or draws: it is folded, so that the text can be read on."""
    imports, drawing, lines = 0, 0, 0
    for node in ast.parse(code).body:
        count = node.end_lineno - node.lineno + 1
        lines += count
        imports += isinstance(node, ast.Import | ast.ImportFrom) * count
        drawing += bool(re.search(DRAWING, ast.get_source_segment(code, node))) * count
    if imports > 3:
        return imports >= ASIDE * lines
    return "show(" in code and drawing > 5 and drawing >= ASIDE * lines


def execute(notebook, timeout=300):
    """Run a notebook's cells from top to bottom in a fresh kernel.

    Parameters
    ----------
    notebook : NotebookNode
        Changed in place: receives the outputs.
    timeout : float
        Seconds for one cell.

    Raises
    ------
    nbclient.exceptions.CellExecutionError, CellTimeoutError, DeadKernelError
        If a cell raises, takes too long, or ends the kernel.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # not: "a port could be listened to"
    )
    with tempfile.TemporaryDirectory() as empty:
        # The answers of whoever builds the book are neither shown in it nor overwritten.
        client.execute(env={**os.environ, "DS2NP_ANSWERS": str(Path(empty) / "my_ds2np.py")})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)


def _joined(outputs):
    """Join what a cell printed in one go: the kernel sends it in pieces, now these, now those."""
    joined = []
    for output in outputs:
        stream = output.get("name")
        if stream and joined and joined[-1].get("name") == stream:
            joined[-1].text += output.text
        else:
            joined.append(output)
    return joined


def draw():
    """Return the text of all drawings that code makes, by file name."""
    pictures = {}
    sys.path.insert(0, str(FOLDER / "drawings"))
    for path in sorted((FOLDER / "drawings").glob("*.py")):
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if hasattr(module, "draw"):
            pictures.update(module.draw())
    sys.path.pop(0)
    return pictures


def main():
    """Build what the command line asks for; return the exit code."""
    return program.run(_build)


def _build():
    parser = program.Parser(__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("numbers", nargs="*", default=[], metavar="NN", help="(default: all)")
    what.add_argument("--html", type=Path, metavar="FOLDER", help="write the pages there")
    args = parser.parse_args()
    if args.html:
        from pages import write_pages

        print(write_pages(args.html))
        return 0
    try:
        build_notebooks(args.numbers)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def build_notebooks(numbers):
    """Draw, then build notebooks and say how large they are.

    Parameters
    ----------
    numbers : list of str
        Of chapters, such as "05"; none for all.

    Raises
    ------
    UserError
        If there is no such chapter.
    """
    sources = {source.stem[:2]: source for source in sorted(FOLDER.glob("[0-9][0-9]_*.py"))}
    if unknown := sorted(set(numbers) - set(sources)):
        raise UserError(f"there is no chapter {', '.join(unknown)}; there are {', '.join(sources)}")
    for name, text in draw().items():
        with replacing(FOLDER / "images" / name) as file:
            file.write(text)
    for number in sorted(numbers or sources):
        notebook = read_source(sources[number])
        execute(notebook)
        target = sources[number].with_suffix(".ipynb")
        with replacing(target) as file:
            nbformat.write(notebook, file)
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
