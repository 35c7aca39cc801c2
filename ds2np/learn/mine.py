"""The reader's own file: every exercise that was solved, as a function under its name.

The notebooks write into it what their checks find correct; it can be edited by hand just as well.
It is the only record of what is done: a function that is there and passes its check is done.
"""

import ast
import importlib.util
import linecache
import os
from pathlib import Path

from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.learn.book import FOLDER

HEADER = '''"""My own Deep Speech 2: what I wrote in the exercises."""

import math

import numpy as np
'''


def default_path():
    """Say where the reader's file is.

    Returns
    -------
    Path
        DS2NP_MINE if that is set, else ``my_ds2np.py`` beside the folder of the chapters (in the
        current folder where there are no chapters).
    """
    if path := os.environ.get("DS2NP_MINE"):
        return Path(path)
    return (FOLDER.parent if FOLDER.is_dir() else Path()) / "my_ds2np.py"


def load(path):
    """Run the reader's file.

    Parameters
    ----------
    path : Path

    Returns
    -------
    dict of str to object
        Its names; empty if there is no such file.

    Raises
    ------
    UserError
        If it cannot be run: names the line and the error.
    """
    if not path.exists():
        return {}
    linecache.checkcache(str(path))
    spec = importlib.util.spec_from_file_location("my_ds2np", path)
    module = importlib.util.module_from_spec(spec)
    try:
        exec(compile(_read(path), str(path), "exec"), module.__dict__)
    except Exception as error:
        raise UserError(f"{path}{_line_of(error, path)}: {type(error).__name__}: {error}") from None
    return vars(module)


def _read(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path} is no UTF-8 text; save it as UTF-8") from None


def _line_of(error, path):
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}"
    lines, trace = [], error.__traceback__
    while trace:
        if trace.tb_frame.f_code.co_filename == str(path):
            lines.append(trace.tb_lineno)
        trace = trace.tb_next
    return f", line {lines[-1]}" if lines else ""


def keep(path, name, source, number):
    """Write a function into the reader's file, in place of an earlier one of its name.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    name : str
        Of the function.
    source : str
        Its definition.
    number : str
        Of the exercise; stands above the function as a comment.

    Raises
    ------
    UserError
        If the file that is there is no Python.
    """
    text = _read(path) if path.exists() else HEADER
    lines = text.splitlines()
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}; mend it first") from None
    comment = f"# Exercise {number}"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
            lines[first : node.end_lineno] = source.strip().splitlines()
            break
    else:
        lines += ["", "", comment, *source.strip().splitlines()]
    with replacing(path) as file:
        file.write("\n".join(lines) + "\n")
