"""Temporary replacement of the package's functions by the reader's."""

import contextlib
import functools
import sys
import threading
import time

from tqdm import tqdm

from ds2np.learn.graduation import guard
from ds2np.learn.graduation.adapters import SELF_CHECKED, find_adapter
from ds2np.learn.graduation.compare import Shadow, is_comparing
from ds2np.learn.graduation.faults import Fault, describe, find_fault, place

# Modules that keep the original functions.
KEPT = ("ds2np.learn.graduation.adapters", "ds2np.learn.exercises")
MINUTES = 30  # that one answer may take longer than the package's function, in the whole training


class Replacement:
    """An answer that replaces a function of the package.

    After its first fault, which is printed, the package's function is used again. A fault is an
    error, a call that does not end, a change of its arguments, or another result than the package's
    (see `Shadow`).

    Attributes
    ----------
    exercise : Exercise
    answer : callable
        The reader's function.
    original, function : callable
        The package's function and its replacement.
    calls : int
    seconds : float
        Total time of the calls, without that of the comparisons.
    shadow : Shadow
    compared : bool
        Whether the shadow is used; else the adapter finds the faults.
    failure : str
        Why it is not used (any more); empty while it is.
    fit : bool
        Whether it has passed its trial.
    slowness : str
        Comparison with the package's function, if it is noticeably slower.
    """

    def __init__(self, exercise, answer, path):
        self.exercise, self.answer, self._path = exercise, answer, path
        self.calls, self.seconds, self.failure = 0, 0.0, ""
        self.fit, self.slowness = False, ""
        self.shadow = Shadow(exercise)
        self._asked, self._limit = 0.0, 60 * MINUTES  # seconds of the answer
        self.compared = exercise.function not in SELF_CHECKED
        self._lock = threading.Lock()
        self.original, run = find_adapter(exercise, self._ask)
        original = self.original

        @functools.wraps(original)
        def function(*arguments, **options):
            # What answers call, by whatever name, is the package's.
            if self.failure or guard.is_inside() or is_comparing():
                return original(*arguments, **options)
            began = time.perf_counter() - self.shadow.seconds
            try:
                return run(*arguments, **options)
            except Fault as fault:
                self._drop(fault)
                if fault.result is not None:
                    return fault.result
            except Exception as error:
                self._drop(Fault(f"its result cannot be used ({describe(error)})"))
            finally:
                self.calls += 1
                self.seconds += time.perf_counter() - began - self.shadow.seconds
            return original(*arguments, **options)

        self.function = function

    def _ask(self, *arguments):
        """Call the answer and return its result, if nothing is wrong with it."""
        given = guard.protect(arguments)
        began = time.perf_counter()
        try:
            result = guard.call(self.answer, given, self._path)
        except guard.TimeUp as error:
            raise Fault(str(error), error.line) from None
        except guard.Raised as raised:
            raise find_fault(raised.error, self._path) from None
        self._asked += time.perf_counter() - began
        if self.compared and self._asked > self._limit:
            raise Fault(f"it has taken {self._asked:,.0f} s in all")
        if self.compared and (problem := self.shadow.find_problem(given, result)):
            raise Fault(problem)
        return guard.release(result)

    def _drop(self, fault):
        with self._lock:
            if self.failure:  # reported by another thread
                return
            self.failure = place(fault, self.answer, self._path)
        tqdm.write(
            f"your {self.exercise.function}: {self.failure}\n"
            f"    the package's own function is used from here on"
        )

    def reset(self, strict=False, limit=None):
        """Reset the calls and seconds.

        See `Shadow` for ``strict``. The answer may take ``limit`` seconds in all, by default as
        long as `MINUTES` says.
        """
        self.calls, self.seconds, self._asked = 0, 0.0, 0.0
        self._limit = 60 * MINUTES if limit is None else limit
        self.shadow.reset(strict)


class Clock:
    """A function of the package, with the number and the total time of its calls."""

    def __init__(self, original):
        self.original, self.calls, self.seconds = original, 0, 0.0

        @functools.wraps(original)
        def function(*arguments, **options):
            if is_comparing():
                return original(*arguments, **options)
            began = time.perf_counter()
            try:
                return original(*arguments, **options)
            finally:
                self.calls += 1
                self.seconds += time.perf_counter() - began

        self.function = function


@contextlib.contextmanager
def replaced(replacements):
    """Replace the package's functions by answers within a ``with`` block.

    Of several `Replacement`s (or `Clock`s) for the same function the last one is used.
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
