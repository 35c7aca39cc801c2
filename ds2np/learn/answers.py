"""The reader's file: one function for each solved exercise.

The notebooks write correct answers into it; it can also be edited by hand. It is the only record of
progress: an exercise is done if its function is in the file and passes the check.
"""

import ast
import contextlib
import io
import linecache
import os
import time
import traceback
import types
from pathlib import Path

from ds2np.errors import UserError
from ds2np.files import locked, replacing
from ds2np.learn.book import CLONE
from ds2np.learn.exercise import CORRECT, NOT_DONE, WRONG, Verdict
from ds2np.learn.limited import SECONDS, Stopped, run_limited

WAIT = 2 * SECONDS  # seconds for the check of another notebook

HEADER = '''"""My own Deep Speech 2: my answers to the exercises."""

import math

import numpy as np
'''


def default_path():
    """Return the path of the reader's file.

    It is the environment variable DS2NP_ANSWERS if set, else ``my_ds2np.py`` beside the folder of
    the chapters, or in the current folder if the package is installed without a clone.
    """
    if path := os.environ.get("DS2NP_ANSWERS"):
        return Path(path)
    return (CLONE or Path()) / "my_ds2np.py"


def load(path):
    """Run the reader's file and return its names as a dict, which is empty if there is no file.

    Raises `UserError`, with line and error, if the file cannot be run.
    """
    data = _read(path)
    if data is None:
        return {}
    try:
        run_limited(lambda: _run(path, data) and None)
    except Stopped as error:
        raise UserError(f"{path}: {error}") from None
    return _run(path, data)


def judge(exercise, path):
    """Check the answer to an exercise in the reader's file.

    Returns a `Verdict` and what the answer printed. Raises `UserError` as `load` does.
    """
    data = _read(path)
    return (Verdict(NOT_DONE), "") if data is None else _judge(exercise, path, data)


def check(exercise, answer):
    """Check a function, with limits; return a `Verdict` and what the function printed."""
    return _within_limits(lambda: exercise.check(answer))


def _judge(exercise, path, data):
    def check():
        with contextlib.redirect_stdout(io.StringIO()):
            names = _run(path, data)
        if exercise.function not in names:
            return Verdict(NOT_DONE)
        return exercise.check(names[exercise.function])

    return _within_limits(check)


def _within_limits(check):
    try:
        return run_limited(check)
    except Stopped as error:
        return Verdict(WRONG, str(error)), ""


def keep(path, exercise, source):
    """Write an answer to the reader's file if it is correct there, replacing an earlier one.

    Parameters
    ----------
    path : Path
        Created if missing. The rest of the file stays unchanged.
    exercise : Exercise
    source : str
        The definition of the function.

    Returns
    -------
    Verdict
        On the function as part of the file. Nothing is written unless it is "correct".

    Raises
    ------
    UserError
        If the file could not be run with the answer in it, or another notebook is writing it.
    """
    with _waiting_for(path):
        data = _read(path)
        data = _with_definition(path, HEADER.encode() if data is None else data, exercise, source)
        verdict, _ = _judge(exercise, path, data)  # the notebook's check has printed the rest
        if verdict.state == CORRECT:
            with replacing(path, "wb") as file:
                file.write(data)
    return verdict


def take_out(path, exercise):
    """Move the answer to an exercise from the reader's file to another one beside it.

    Returns the path of that file, or None if there is no answer. Raises `UserError` as `keep` does.
    """
    kept = path.with_name(f"{path.stem}_old{path.suffix}")
    with _waiting_for(path):
        data = _read(path)
        lines = [] if data is None else data.splitlines(keepends=True)
        node = _definition(path, data, exercise) if lines else None
        if node is None:
            return None
        first, last = _first_line(node), node.end_lineno
        taken = b"".join(lines[first:last])
        if first and lines[first - 1].startswith(b"# Exercise "):  # whatever its number was
            first -= 1
        with open(kept, "ab") as file:
            file.write(f"\n\n# Exercise {exercise.number}\n".encode() + taken)
        with replacing(path, "wb") as file:
            file.write(b"".join(lines[:first]).rstrip() + b"\n" + b"".join(lines[last:]))
    return kept


@contextlib.contextmanager
def _waiting_for(path):
    """Hold the file's lock, once another notebook has finished with it."""
    with contextlib.ExitStack() as stack:
        end = time.monotonic() + WAIT
        while True:
            try:
                stack.enter_context(locked(path.with_name(f"{path.name}.lock"), f"{path}"))
                break
            except UserError:
                if time.monotonic() > end:
                    raise
            time.sleep(0.1)
        yield


def _read(path):
    if path.is_dir():
        raise UserError(f"{path} is a folder; expected the file with your functions")
    return path.read_bytes() if path.exists() else None


def _run(path, data):
    text = _decode(path, data)
    # linecache provides the lines for error messages.
    linecache.cache[str(path)] = len(text), None, text.splitlines(keepends=True), str(path)
    module = types.ModuleType("my_ds2np")
    module.__file__ = str(path)
    try:
        exec(compile(data, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        raise UserError(_describe(error, path)) from None
    return vars(module)


def _decode(path, data):
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: not valid UTF-8; save the file as UTF-8") from None


def _describe(error, path):
    """Describe an error in one line, with its line number in the file."""
    name, message, line = type(error).__name__, str(error), None
    if isinstance(error, SyntaxError) and error.filename == str(path):
        message, line = error.msg, error.lineno
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == str(path):
            line = number
    where = f", line {line}" if line else ""
    return " ".join(f"{path}{where}: {name}: {message}".split())


def _with_definition(path, data, exercise, source):
    node = _definition(path, data, exercise)
    lines = data.splitlines(keepends=True)
    newline = b"\r\n" if data.count(b"\r\n") else b"\n"
    definition = [line.encode() + newline for line in source.strip("\n").split("\n")]
    if node:
        first = _first_line(node)
        if not lines[node.end_lineno - 1].endswith((b"\n", b"\r")):
            definition[-1] = definition[-1].rstrip(b"\r\n")
        lines[first : node.end_lineno] = definition
    else:
        if lines and not lines[-1].endswith((b"\n", b"\r")):
            lines[-1] += newline
        comment = f"# Exercise {exercise.number}".encode() + newline
        lines += [newline, newline, comment, *definition]
    return b"".join(lines)


def _definition(path, data, exercise):
    """Find the function that counts as the answer, the last of its name, as a node; or None."""
    _decode(path, data)
    try:
        tree = ast.parse(data, str(path))
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes
        raise UserError(_describe(error, path)) from None
    found = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == exercise.function
    ]
    return found[-1] if found else None


def _first_line(node):
    return min([node.lineno, *(d.lineno for d in node.decorator_list)]) - 1
