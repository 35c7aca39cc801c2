"""Temporary replacement of the package's functions by the reader's."""

import contextlib
import functools
import linecache
import sys
import threading
import time
import traceback

import numpy as np
from tqdm import tqdm

# Modules that keep the original functions.
KEPT = ("ds2np.learn.graduation.adapters", "ds2np.learn.exercises")


class Replacement:
    """An answer that replaces a function of the package.

    If it raises an error, the error is printed and the package's function is used again.

    Attributes
    ----------
    exercise : Exercise
    original, function : callable
        The package's function and its replacement.
    calls : int
    seconds : float
        Total time of the calls.
    failure : str
        Why it is not used (any more); empty while it is.
    fit : bool
        Whether it has passed its trial.
    slowness : str
        Comparison with the package's function, if it is noticeably slower.
    """

    def __init__(self, exercise, original, replacement, path):
        self.exercise, self.original, self._path = exercise, original, path
        self.calls, self.seconds, self.failure = 0, 0.0, ""
        self.fit, self.slowness = False, ""
        self._inside = threading.local()

        @functools.wraps(original)
        def function(*arguments, **options):
            # An answer may call the package's function of the same name.
            if self.failure or getattr(self._inside, "now", False):
                return original(*arguments, **options)
            self._inside.now = True
            began = time.perf_counter()
            try:
                with np.errstate(all="ignore"):
                    return replacement(*arguments, **options)
            except (Exception, SystemExit) as error:
                self._fail(error)
            finally:
                self._inside.now = False
                self.calls += 1
                self.seconds += time.perf_counter() - began
            return original(*arguments, **options)

        self.function = function

    def _fail(self, error):
        if self.failure:  # reported by another thread
            return
        self.failure = describe_error(error, self._path)
        tqdm.write(
            f"your {self.exercise.function}: {self.failure}\n"
            f"    the package's own function is used from here on"
        )

    def reset(self):
        """Reset the calls and seconds."""
        self.calls, self.seconds = 0, 0.0


def describe_error(error, path):
    """Describe an error raised by a function in the reader's file, with the line in that file."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if frame.f_code.co_filename == str(path)]
    message = f"{type(error).__name__}: {error}".rstrip(": ")
    if not lines:
        return f"its result cannot be used ({message})"
    text = linecache.getline(str(path), lines[-1]).strip()
    return f"it raised {message}, in {path}, line {lines[-1]}: `{text}`"


@contextlib.contextmanager
def replaced(replacements):
    """Replace the package's functions by answers within a ``with`` block.

    Of several `Replacement`s for the same function the last one is used.
    """
    there = {s.original: s.function for s in replacements}
    replace_functions(there)
    try:
        yield
    finally:
        replace_functions({new: old for old, new in there.items()})


def replace_functions(functions):
    """Replace functions in all modules of the package and in their classes.

    `functions` maps old to new. The inverse dict undoes it, also in modules that were imported in
    the meantime and hold the replacements.
    """
    by_id = {id(old): new for old, new in functions.items()}
    for name, module in list(sys.modules.items()):
        if not name.startswith("ds2np.") or name.startswith(KEPT):
            continue
        for attribute, value in list(vars(module).items()):
            if id(value) in by_id:
                setattr(module, attribute, by_id[id(value)])
            elif isinstance(value, type) and value.__module__ == name:
                _replace_in_class(value, by_id)


def _replace_in_class(owner, by_id):
    for attribute, value in list(vars(owner).items()):
        if id(value) in by_id:
            setattr(owner, attribute, by_id[id(value)])
        elif isinstance(value, staticmethod) and id(value.__func__) in by_id:
            setattr(owner, attribute, staticmethod(by_id[id(value.__func__)]))
        elif isinstance(value, property) and id(value.fget) in by_id:
            setattr(owner, attribute, property(by_id[id(value.fget)], doc=value.__doc__))
