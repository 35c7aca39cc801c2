"""Where the time of training goes."""

import contextlib
import time

# Waiting: for other processes. Communication: all that is not hidden behind the backward pass.
PARTS = (
    *("data", "forward", "ctc", "backward"),
    *("waiting", "communication", "update", "evaluation"),
)


class Clock:
    """Seconds spent in each part of training, added to those in ``seconds`` if given."""

    def __init__(self, seconds=None):
        self.seconds = dict.fromkeys(PARTS, 0.0) if seconds is None else seconds

    @contextlib.contextmanager
    def part(self, name):
        """Count the time of a ``with`` block towards one part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - began

    def waiting_for(self, name, iterable):
        """Yield the items of an iterable, counting the time spent waiting for each."""
        iterator = iter(iterable)
        while True:
            with self.part(name):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item
