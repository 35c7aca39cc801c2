"""Where the time of training goes."""

import contextlib
import time
from collections import deque

from ds2np.backend import elapsed, mark_time

# Waiting: for other processes. Communication: all that is not hidden behind the backward pass.
PARTS = (
    *("data", "forward", "ctc", "backward"),
    *("waiting", "communication", "update", "evaluation"),
)


class Clock:
    """Seconds spent in each part of training, added to those in ``seconds`` if given.

    On a GPU they are the GPU's. The program runs ahead of it and only waits where it needs a
    result, so its own times would say which part waits and not which part is slow.
    """

    def __init__(self, seconds=None, on_gpu=False):
        self.seconds = dict.fromkeys(PARTS, 0.0) if seconds is None else seconds
        self._on_gpu = on_gpu
        self._marks = deque()  # name and two events of each part that the GPU has yet to finish

    @contextlib.contextmanager
    def part(self, name):
        """Count the time of a ``with`` block towards one part."""
        began = self._now()
        try:
            yield
        finally:
            self._count(name, began, self._now())

    def _now(self):
        """Return the time, or on a GPU an event: the time when the GPU gets here."""
        return mark_time() if self._on_gpu else time.perf_counter()

    def _count(self, name, began, ended):
        if not self._on_gpu:
            self.seconds[name] += ended - began
            return
        self._marks.append((name, began, ended))
        self._read()  # without a wait: what the GPU has yet to finish is read by a later call

    def _read(self):
        while self._marks and self._marks[0][2].done:
            name, began, ended = self._marks.popleft()
            self.seconds[name] += elapsed(began, ended)

    def settle(self):
        """Wait for the GPU, and count the parts that it had yet to finish."""
        if self._marks:
            self._marks[-1][2].synchronize()
            self._read()

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
