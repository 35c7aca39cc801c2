"""Faults of the reader's functions, in words, with the line of the reader's file."""

import inspect
import linecache
import traceback

LETTERS = 200  # of an error's message


class Fault(Exception):
    """What is wrong with a call of an answer: a sentence about "it".

    Attributes
    ----------
    line : int or None
        The line of the reader's file, if it is not that of the function.
    result : object
        What the package's function returns, if it has been computed already.
    """

    def __init__(self, problem, line=None):
        super().__init__(problem)
        self.line, self.result = line, None


def find_fault(error, path):
    """Turn an error that an answer raised into a `Fault`; one raised by us for it stays as it is.

    ``path`` is the reader's file.
    """
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if frame.f_code.co_filename == str(path)]
    problem = describe(error)
    if isinstance(error, ValueError) and "read-only" in problem:
        problem = "it changes its arguments"
    elif not isinstance(error, Fault):
        problem = f"it raised {problem}"
    return Fault(problem, lines[-1] if lines else None)


def describe(error):
    """Return the type and the message of an error in one line; of a `Fault`, the message."""
    message = " ".join(str(error).split())[:LETTERS]
    if isinstance(error, Fault):
        return message
    return f"{type(error).__name__}: {message}".rstrip(": ")


def place(fault, answer, path):
    """Add the line in the reader's file to a fault."""
    line = fault.line
    if line is None:
        code = getattr(inspect.unwrap(answer), "__code__", None)
        if code is None or code.co_filename != str(path):
            return f"{fault}, in {path}"
        line = code.co_firstlineno
    text = linecache.getline(str(path), line).strip()
    return f"{fault}, in {path}, line {line}: `{text}`"
