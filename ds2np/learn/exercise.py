"""An exercise: a function to write, and cases in which it has to do what it should.

The answer runs beside the package's own function on the same inputs. The verdict comes at once and
says in which case, and by how much, they differ.
"""

import copy
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
        for name, arguments in self.cases(np.random.default_rng(0)).items():
            expected = self.reference(*copy.deepcopy(arguments))
            given = copy.deepcopy(arguments)
            try:
                with np.errstate(all="ignore"):
                    got = answer(*given)
            except NotImplementedError:
                return Verdict(NOT_DONE)
            except Exception as error:
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
    code = getattr(answer, "__code__", None)
    own = [f for f in traceback.extract_tb(error.__traceback__) if code and f.name == code.co_name]
    where = f", in its line `{own[-1].line}`" if own and own[-1].line else ""
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
    if isinstance(expected, (tuple, list, dict)):
        return _difference_of_several(got, expected, tolerance)
    if isinstance(expected, (str, bool)) or expected is None:
        return "" if got == expected else f"{got!r} where {expected!r} is expected"
    try:
        array = np.asarray(got)
        kind = array.dtype.kind
    except ValueError:
        kind = "O"
    if kind not in "biufc":
        return f"a {type(got).__name__} where numbers are expected"
    expected = np.asarray(expected)
    if array.shape != expected.shape:
        return f"the shape is {array.shape}, expected is {expected.shape}"
    if expected.size == 0:
        return ""
    unlike = ~(np.isclose(array, expected, rtol=0, atol=0, equal_nan=True) | np.isfinite(expected))
    unlike |= np.isfinite(expected) & ~np.isfinite(array)
    if unlike.any():
        where = tuple(int(i) for i in np.argwhere(unlike)[0])
        at = f" at {where}" if where else ""
        return f"{array[where]} where {expected[where]} is expected{at}"
    finite = np.isfinite(expected)
    apart = np.abs(np.where(finite, array, 0) - np.where(finite, expected, 0))
    scale = max(1.0, float(np.abs(expected[finite]).max(initial=0)))
    if float(apart.max()) > tolerance * scale:
        where = tuple(int(i) for i in np.unravel_index(np.argmax(apart), apart.shape))
        if not where:
            return f"{array[()]:.6g} where {expected[()]:.6g} is expected"
        return (
            f"the largest difference is {apart.max():.3g}, at {where}: {array[where]:.6g} where "
            f"{expected[where]:.6g} is expected; shape {array.shape}"
        )
    return ""


def _difference_of_several(got, expected, tolerance):
    if isinstance(expected, dict):
        if not isinstance(got, dict) or set(got) != set(expected):
            found = sorted(map(str, got)) if isinstance(got, dict) else f"a {type(got).__name__}"
            return f"expected is a dict with the keys {sorted(map(str, expected))}, found {found}"
        keys = list(expected)
    else:
        if not isinstance(got, (tuple, list)) or len(got) != len(expected):
            found = len(got) if isinstance(got, (tuple, list)) else f"a {type(got).__name__}"
            return f"expected are {len(expected)} results, found {found}"
        keys = range(len(expected))
    for key in keys:
        if difference := find_difference(got[key], expected[key], tolerance):
            name = f"[{key!r}]" if isinstance(expected, dict) else f"{key + 1}"
            return f"result {name}: {difference}"
    return ""
