"""Ctrl-C that waits for the step at hand."""

import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # the second from whoever manages the machine's jobs


class InterruptLater:
    """Note Ctrl-C, or a polite request to end, instead of stopping with a step half done.

    A second one stops at once. Outside the main thread Python delivers no signals: nothing changes.

    Attributes
    ----------
    requested : bool
    """

    def __enter__(self):
        self.requested = False
        in_main = threading.current_thread() is threading.main_thread()
        self._before = {s: signal.signal(s, self._note) for s in SIGNALS if in_main}
        return self

    def _note(self, number, frame):
        self.requested = True
        self.__exit__()

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)
