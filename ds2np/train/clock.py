"""Where the time of training goes."""

import contextlib
import time

# Waiting is for other processes, communication is what the backward pass does not hide.
PARTS = (
    *("data", "forward", "ctc", "backward"),
    *("waiting", "communication", "update", "evaluation"),
)


class Clock:
    """Seconds spent in each part of training.

    Parameters
    ----------
    seconds : dict of str to float, optional
        Counted on.
    """

    def __init__(self, seconds=None):
        self.seconds = dict.fromkeys(PARTS, 0.0) if seconds is None else seconds

    @contextlib.contextmanager
    def part(self, name):
        """Count the time of a ``with`` block."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began

    def waiting_for(self, name, iterable):
        """Pass on the items of an iterable, counting the time until each is there."""
        iterator = iter(iterable)
        while True:
            with self.part(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
