"""Ctrl-C that waits for the step at hand."""

import signal
import threading


class InterruptLater:
    """Note Ctrl-C instead of raising at once, so that no step is left half done.

    A second Ctrl-C raises. Outside the main thread Python delivers no signals: nothing changes.

    Attributes
    ----------
    requested : bool
    """

    def __enter__(self):
        self.requested = False
        self._in_main = threading.current_thread() is threading.main_thread()
        if self._in_main:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def _note(self, number, frame):
        self.requested = True
        signal.signal(signal.SIGINT, self._before)

    def __exit__(self, *_):
        if self._in_main:
            signal.signal(signal.SIGINT, self._before)
