"""An exercise: a function to write, and cases in which it has to do what it should.

The answer runs beside the package's own function on the same inputs. The verdict comes at once and
says in which case, and by how much, they differ.
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
    """What the check of an answer says.

    Attributes
    ----------
    state : {"correct", "wrong", "not done"}
    reason : str
        What is wrong, in one or two sentences.
    """

    state: str
    reason: str = ""

    def __str__(self):
        return f"{self.state}: {self.reason}" if self.reason else self.state


@dataclass(frozen=True)
class Exercise:
    """A function that a reader writes.

    Attributes
    ----------
    number : str
        Chapter and place in it, such as "05.2".
    function : str
        Its name.
    task : str
        What it does, in a few words.
    reference : callable
        The truth; takes the same arguments.
    cases : callable
        Takes a random generator; returns the arguments of each case, a tuple, under its name.
    tolerance : float
        Largest difference, relative to the largest number expected (or to 1 if that is smaller).
    """

    number: str
    function: str
    task: str
    reference: Callable
    cases: Callable
    tolerance: float = 1e-8

    def check(self, answer):
        """Compare an answer with the truth in all cases.

        Parameters
        ----------
        answer : callable

        Returns
        -------
        Verdict
        """
        if not callable(answer):
            found = type(answer).__name__
            return Verdict(WRONG, f"{self.function} is of type {found}; expected is a function")
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
    """Say what an answer raised, and in which of its lines."""
    code = getattr(inspect.unwrap(answer), "__code__", None)
    frames = traceback.walk_tb(error.__traceback__)
    own = [number for frame, number in frames if frame.f_code is code]
    line = linecache.getline(code.co_filename, own[-1]).strip() if own else ""
    where = f", in its line `{line}`" if line else ""
    return f"your code raised {type(error).__name__}: {error}{where}"


def find_difference(got, expected, tolerance):
    """Say how a result differs from the expected one.

    Parameters
    ----------
    got, expected : object
        Numbers, strings, arrays, or tuples, lists and dicts of them.
    tolerance : float

    Returns
    -------
    str
        Empty if there is no difference.
    """
    if got is expected:
        return ""
    if isinstance(expected, (tuple, list, dict)):
        return _difference_of_several(got, expected, tolerance)
    if isinstance(expected, str) or expected is None:
        same = isinstance(got, type(expected)) and got == expected
        return "" if same else f"{got!r} where {expected!r} is expected"
    try:
        array = np.asarray(got)
    except (TypeError, ValueError):  # on a GPU, or of parts that differ in length
        array = np.asarray(None)
    if array.dtype.kind not in "biufc":
        return f"found is a {type(got).__name__} that is no array of numbers"
    return _difference_of_arrays(array, np.asarray(expected), tolerance)


def _difference_of_arrays(got, expected, tolerance):
    if got.shape != expected.shape:
        return f"the shape is {got.shape}, expected is {expected.shape}"
    dtype = np.result_type(got, expected, np.float64)  # unsigned integers would wrap around
    got, expected = got.astype(dtype), expected.astype(dtype)
    finite = np.isfinite(expected)
    alike = (got == expected) | (np.isnan(got) & np.isnan(expected)) | (finite & np.isfinite(got))
    if not alike.all():
        where = tuple(int(i) for i in np.argwhere(~alike)[0])
        at = f", at {where}" if where else ""
        return f"{got[where]:.6g} where {expected[where]:.6g} is expected{at}"
    with np.errstate(over="ignore"):
        apart = np.abs(np.where(finite, got, 0) - np.where(finite, expected, 0))
    scale = max(1.0, np.abs(expected[finite]).max(initial=0))
    if apart.max(initial=0) <= tolerance * scale:
        return ""
    where = tuple(int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
    values = f"{got[where]:.6g} where {expected[where]:.6g} is expected"
    if not where:
        return values
    return (
        f"the largest difference is {apart.max():.3g}, at {where}: {values}; shape {expected.shape}"
    )


def _difference_of_several(got, expected, tolerance):
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            found = sorted(map(str, got)) if isinstance(got, dict) else f"a {type(got).__name__}"
            return f"expected is a dict with the keys {sorted(map(str, expected))}, found {found}"
        keys = list(expected)
    else:
        if isinstance(got, np.ndarray) and got.ndim:
            got = list(got)
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            found = len(got) if isinstance(got, (tuple, list)) else f"a {type(got).__name__}"
            return f"expected are {len(expected)} results, found {found}"
        keys = range(len(expected))
    for key in keys:
        if difference := find_difference(got[key], expected[key], tolerance):
            name = f"[{key!r}]" if isinstance(expected, dict) else f"{key + 1}"
            return f"result {name}: {difference}"
    return ""
