"""Is an answer really faster? Measured beside the slow form, in turn."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TURNS = 7


@dataclass(frozen=True)
class Speed:
    """What an answer has to outrun.

    Attributes
    ----------
    slow : callable
        The form that is given to the reader.
    case : str
        Name of the case of the exercise in which both are timed.
    factor : float
        How many times as fast the answer must be; far below what a good answer reaches.
    """

    slow: Callable
    case: str
    factor: float

    def fault(self, answer, arguments):
        """Say how much faster an answer is, if that is too little; else return ""."""
        found = ratio(self.slow, answer, arguments)
        if found >= self.factor:
            return ""
        return (
            f"the result is right, but not fast: {found:.1f} times as fast as the slow form; "
            f"expected {self.factor:g} times or more (case: {self.case})"
        )


def ratio(slow, fast, arguments):
    """Return how many times as fast the second function is.

    Other programs can only make a run longer. So the best of several runs counts, and the two take
    turns, so that both meet the same machine.
    """
    best = dict.fromkeys((slow, fast), np.inf)
    for _ in range(TURNS):
        for function in best:
            began = time.perf_counter()
            function(*arguments)
            best[function] = min(best[function], time.perf_counter() - began)
    return best[slow] / max(best[fast], 1e-7)
