"""Exercises: functions for the reader to write, and their checks.

A check runs the answer and the package's own function on the same inputs. The verdict names the
case in which they differ, and by how much.
"""

import contextlib
import copy
import inspect
import io
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ds2np.learn.difference import Rules, find_difference, show_arguments
from ds2np.learn.speed import Speed

CORRECT, WRONG, NOT_DONE = "correct", "wrong", "not done"
SEEDS = (0, 1, 2)  # of the numbers in the cases


@dataclass(frozen=True)
class Verdict:
    """The result of a check: "correct", "wrong" with a reason, or "not done"."""

    state: str
    reason: str = ""

    def __str__(self):
        return f"{self.state}: {self.reason}" if self.reason else self.state


@dataclass(frozen=True)
class Exercise:
    """A function for the reader to write.

    Attributes
    ----------
    number : str
        Chapter and position, such as "05.2".
    function : str
        Name of the function.
    task : str
        Short description.
    reference : callable
        Computes the expected result from the same arguments.
    cases : callable
        Takes a random generator and returns a dict from case name to tuple of arguments.
    tolerance : float
        See `Rules`. Results are compared with the largest expected value, or with a thousandth of
        the largest one in the arrays of the arguments.
    results : tuple of str
        Names of the results, where there are several.
    lists : bool
        Whether a list is as good as the expected array.
    same_dtype : bool
        Whether the result must have the dtype of the first argument.
    package : callable, optional
        The package's function, where the reference only calls it.
    speed : Speed, optional
        What a right answer has to outrun, if the exercise is about that.
    """

    number: str
    function: str
    task: str
    reference: Callable
    cases: Callable
    tolerance: float = 1e-8
    results: tuple = ()
    lists: bool = False
    same_dtype: bool = False
    package: Callable | None = None
    speed: Speed | None = None

    def check(self, answer):
        """Compare an answer with the reference in all cases and return a `Verdict`."""
        if not callable(answer):
            found = type(answer).__name__
            return Verdict(WRONG, f"{self.function} is of type {found}; expected a function")
        try:
            fault = self._first_fault(answer, SEEDS[0])
            with contextlib.redirect_stdout(io.StringIO()):  # what it prints was seen once
                for seed in SEEDS[1:]:
                    fault = fault or self._first_fault(answer, seed)
                fault = fault or self._too_slow(answer)
        except NotImplementedError:
            return Verdict(NOT_DONE)
        return Verdict(WRONG, fault) if fault else Verdict(CORRECT)

    def origin(self):
        """Say where the package's own function stands: file and line."""
        function = inspect.unwrap(self.package or self.reference)
        file = Path(inspect.getsourcefile(function))
        line = inspect.getsourcelines(function)[1]
        folder = Path(__file__).parents[2]
        return f"{file.relative_to(folder).as_posix()}, line {line}: {function.__name__}"

    def _first_fault(self, answer, seed):
        for name, arguments in self.cases(np.random.default_rng(seed)).items():
            if fault := self._fault(answer, arguments):
                shown = show_arguments(_names(answer, arguments), arguments)
                return f"{fault} (case: {name}{shown})"
        return ""

    def _too_slow(self, answer):
        if self.speed is None:
            return ""
        arguments = self.cases(np.random.default_rng(SEEDS[0]))[self.speed.case]
        return self.speed.fault(answer, arguments)

    def _fault(self, answer, arguments):
        """Describe what is wrong with an answer in one case; return "" if nothing is."""
        expected = self.reference(*copy.deepcopy(arguments))
        given = copy.deepcopy(arguments)
        try:
            with np.errstate(all="ignore"):
                got = answer(*given)
        except NotImplementedError:
            raise
        except (Exception, SystemExit) as error:
            return describe_error(error, answer)
        if got is None and expected is not None:
            return "the answer is None; is a return missing?"
        if fault := find_difference(got, expected, self._rules(arguments), self.results):
            return fault
        for name, before, after in zip(_names(answer, given), arguments, given, strict=True):
            if find_difference(after, before, Rules(0)):
                return f"the function changes its argument {name}"
            for result in got if isinstance(got, tuple) else (got,):
                if isinstance(result, dict) and result is after:
                    return f"the function returns its argument {name} itself; expected a new dict"
        return ""

    def _rules(self, arguments):
        floats = [a for a in arguments if getattr(a, "dtype", np.dtype(int)).kind in "fc"]
        largest = [abs(a[np.isfinite(a)]).max(initial=0.0) for a in floats]
        dtype = floats[0].dtype if self.same_dtype else None
        return Rules(self.tolerance, 1e-3 * max(largest, default=0.0), self.lists, dtype)


def _names(answer, arguments):
    """Name the arguments as the answer does."""
    try:
        names = list(inspect.signature(answer).parameters)
    except (TypeError, ValueError):
        names = []
    return [*names, *(str(i + 1) for i in range(len(names), len(arguments)))][: len(arguments)]


def describe_error(error, answer):
    """Describe the error that an answer raised, with the answer's own line."""
    code = getattr(inspect.unwrap(answer), "__code__", None)
    frames = traceback.walk_tb(error.__traceback__)
    own = [number for frame, number in frames if frame.f_code is code]
    line = linecache.getline(code.co_filename, own[-1]).strip() if own else ""
    where = f", in its line `{line}`" if line else ""
    return f"your code raised {type(error).__name__}: {error}{where}"
