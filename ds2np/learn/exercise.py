"""Exercises: functions for the reader to write, and their checks.

A check runs the answer and the package's own function on the same inputs. The verdict names the
case in which they differ, and by how much.
"""

import copy
import inspect
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CORRECT, WRONG, NOT_DONE = "correct", "wrong", "not done"


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
        Largest allowed difference, relative to the largest expected value (or to 1 if smaller).
    """

    number: str
    function: str
    task: str
    reference: Callable
    cases: Callable
    tolerance: float = 1e-8

    def check(self, answer):
        """Compare an answer with the reference in all cases and return a `Verdict`."""
        if not callable(answer):
            found = type(answer).__name__
            return Verdict(WRONG, f"{self.function} is of type {found}; expected a function")
        for name, arguments in self.cases(np.random.default_rng(0)).items():
            expected = self.reference(*copy.deepcopy(arguments))
            given = copy.deepcopy(arguments)
            try:
                with np.errstate(all="ignore"):
                    got = answer(*given)
            except NotImplementedError:
                return Verdict(NOT_DONE)
            except (Exception, SystemExit) as error:
                return Verdict(WRONG, f"{_describe(error, answer)} (case: {name})")
            if got is None and expected is not None:
                return Verdict(WRONG, "the answer is None; is a return missing?")
            if difference := find_difference(got, expected, self.tolerance):
                return Verdict(WRONG, f"{difference} (case: {name})")
            if find_difference(given, arguments, 0):
                return Verdict(WRONG, f"the function changes its arguments (case: {name})")
        return Verdict(CORRECT)


def _describe(error, answer):
    """Describe the error that an answer raised, with the answer's own line."""
    code = getattr(inspect.unwrap(answer), "__code__", None)
    frames = traceback.walk_tb(error.__traceback__)
    own = [number for frame, number in frames if frame.f_code is code]
    line = linecache.getline(code.co_filename, own[-1]).strip() if own else ""
    where = f", in its line `{line}`" if line else ""
    return f"your code raised {type(error).__name__}: {error}{where}"


def find_difference(got, expected, tolerance):
    """Describe how a result differs from the expected one; return "" if it does not.

    Both are numbers, strings, arrays, or tuples, lists and dicts of them. See `Exercise` for the
    tolerance.
    """
    if got is expected:
        return ""
    if isinstance(expected, (tuple, list, dict)):
        return _difference_of_several(got, expected, tolerance)
    if isinstance(expected, str) or expected is None:
        same = isinstance(got, type(expected)) and got == expected
        return "" if same else f"expected {expected!r}, got {got!r}"
    try:
        array = np.asarray(got)
    except (TypeError, ValueError):  # on a GPU, or a ragged list
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        return f"expected numbers; this {type(got).__name__} cannot be converted to numbers"
    return _difference_of_arrays(array, np.asarray(expected), tolerance)


def _difference_of_arrays(got, expected, tolerance):
    if got.shape != expected.shape:
        return f"expected shape {expected.shape}, got {got.shape}"
    dtype = np.result_type(got, expected, np.float64)  # unsigned integers would wrap around
    got, expected = got.astype(dtype), expected.astype(dtype)
    finite = np.isfinite(expected)
    alike = (got == expected) | (np.isnan(got) & np.isnan(expected)) | (finite & np.isfinite(got))
    if not alike.all():
        where = tuple(int(i) for i in np.argwhere(~alike)[0])
        at = f" at {where}" if where else ""
        return f"expected {expected[where]:.6g}, got {got[where]:.6g}{at}"
    with np.errstate(over="ignore"):
        apart = np.abs(np.where(finite, got, 0) - np.where(finite, expected, 0))
    scale = max(1.0, np.abs(expected[finite]).max(initial=0))
    if apart.max(initial=0) <= tolerance * scale:
        return ""
    where = tuple(int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
    values = f"expected {expected[where]:.6g}, got {got[where]:.6g}"
    if not where:
        return values
    return (
        f"the largest difference is {apart.max():.3g}, at {where}: {values}; shape {expected.shape}"
    )


def _difference_of_several(got, expected, tolerance):
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            found = sorted(map(str, got)) if isinstance(got, dict) else f"a {type(got).__name__}"
            return f"expected a dict with the keys {sorted(map(str, expected))}, got {found}"
        keys = list(expected)
    else:
        if isinstance(got, np.ndarray) and got.ndim:
            got = list(got)
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            found = len(got) if isinstance(got, (tuple, list)) else f"a {type(got).__name__}"
            return f"expected {len(expected)} results, got {found}"
        keys = range(len(expected))
    for key in keys:
        if difference := find_difference(got[key], expected[key], tolerance):
            name = f"[{key!r}]" if isinstance(expected, dict) else f"{key + 1}"
            return f"result {name}: {difference}"
    return ""
