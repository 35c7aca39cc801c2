"""Build the book: drawings, then notebooks from their sources, executed, then pages.

    python chapters/build.py            all notebooks
    python chapters/build.py 01 05      some of them
    python chapters/build.py --html book    pages that open in a browser, from the built notebooks

A notebook's source is NN_name.py beside it, in jupytext's percent format: change that, then build.
"""

import argparse
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER = Path(__file__).parent
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read_source(source):
    """Read a chapter's source as a notebook without outputs, the same at each reading.

    Parameters
    ----------
    source : Path

    Returns
    -------
    NotebookNode
    """
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.NotebookNode(kernelspec=KERNEL)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for i, cell in enumerate(notebook.cells):
        cell["id"] = f"{source.stem[:2]}-{i:03}"
    return notebook


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
    nbclient.exceptions.CellExecutionError
        If a cell raises.
    """
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        resources={"metadata": {"path": str(FOLDER)}},
        record_timing=False,
    )
    with tempfile.TemporaryDirectory() as empty:
        # The answers of whoever builds the book are neither shown in it nor overwritten.
        client.execute(env={**os.environ, "DS2NP_MINE": str(Path(empty) / "my_ds2np.py")})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)


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
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("numbers", nargs="*", metavar="NN", help="chapters (default: all)")
    parser.add_argument("--html", type=Path, metavar="FOLDER", help="write the pages there")
    args = parser.parse_args()
    if args.html:
        from pages import write_pages

        print(write_pages(args.html))
        return 0
    for name, text in draw().items():
        (FOLDER / "images" / name).write_text(text, encoding="utf-8")
    sources = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
    unknown = set(args.numbers) - {source.stem[:2] for source in sources}
    if unknown:
        there = ", ".join(source.stem[:2] for source in sources)
        print(f"error: no chapter {', '.join(sorted(unknown))}; there are {there}", file=sys.stderr)
        return 2
    for source in sources:
        if args.numbers and source.stem[:2] not in args.numbers:
            continue
        notebook = read_source(source)
        try:
            execute(notebook)
        except CellExecutionError as error:
            print(f"error: {source.name}: {error}", file=sys.stderr)
            return 1
        target = source.with_suffix(".ipynb")
        nbformat.write(notebook, target)
        print(f"{target.name}: {target.stat().st_size / 1024:.0f} KiB", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
