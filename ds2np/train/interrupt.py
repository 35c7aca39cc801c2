"""Ctrl-C that waits for the end of the current step."""

import signal
import threading

SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C, and the request of a job scheduler


class InterruptLater:
    """A context manager that notes SIGINT or SIGTERM in ``requested`` instead of stopping mid-step.

    A second signal stops at once. Outside the main thread Python delivers no signals, so nothing
    changes there.
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
            # None: set by a library in C, which Python cannot set again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
