"""Functions that take the place of the package's own for a while."""

import contextlib
import functools
import linecache
import sys
import threading
import time
import traceback

import numpy as np
from tqdm import tqdm

# Modules that hold the originals as originals.
KEPT = ("ds2np.learn.graduation.adapters", "ds2np.learn.exercises")


class Replacement:
    """An answer that stands in for a function of the package.

    If it raises an error, the error is shown and the package's function takes its place again.

    Attributes
    ----------
    exercise : Exercise
    original, function : callable
        The package's function, and what is put in its place.
    calls : int
    seconds : float
        That they took.
    failure : str
        What ended its service; empty as long as it serves.
    fit : bool
        Whether it has been tried, and found fit to serve.
    slowness : str
        How much slower it is than the package's, if that matters.
    """

    def __init__(self, exercise, original, replacement, path):
        self.exercise, self.original, self._path = exercise, original, path
        self.calls, self.seconds, self.failure = 0, 0.0, ""
        self.fit, self.slowness = False, ""
        self._inside = threading.local()

        @functools.wraps(original)
        def function(*arguments, **options):
            # An answer that calls the package's function of its name gets the package's.
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
        if self.failure:  # another thread was quicker
            return
        self.failure = describe_error(error, self._path)
        tqdm.write(
            f"your {self.exercise.function}: {self.failure}\n"
            f"    from here on the package's own function stands in for it"
        )

    def reset(self):
        """Count from zero."""
        self.calls, self.seconds = 0, 0.0


def describe_error(error, path):
    """Say what an error in the reader's code is, and in which line.

    Parameters
    ----------
    error : BaseException
    path : Path
        The reader's file.

    Returns
    -------
    str
    """
    frames = traceback.walk_tb(error.__traceback__)
    lines = [number for frame, number in frames if frame.f_code.co_filename == str(path)]
    message = f"{type(error).__name__}: {error}".rstrip(": ")
    if not lines:
        return f"what it returned cannot be used ({message})"
    text = linecache.getline(str(path), lines[-1]).strip()
    return f"it raised {message}, in {path}, line {lines[-1]}: `{text}`"


@contextlib.contextmanager
def replaced(replacements):
    """Let answers stand in for the package's functions within a ``with`` block.

    Parameters
    ----------
    replacements : iterable of Replacement
        Of those for the same function, the last one is taken.
    """
    there = {s.original: s.function for s in replacements}
    replace_functions(there)
    try:
        yield
    finally:
        replace_functions({new: old for old, new in there.items()})


def replace_functions(functions):
    """Put functions in place of others, in all modules of the package and in their classes.

    Parameters
    ----------
    functions : dict of callable to callable
        To undo it, give the same turned around: modules that were imported meanwhile and have taken
        the replacements for the originals are mended as well.
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
