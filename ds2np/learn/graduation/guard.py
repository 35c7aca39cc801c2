"""Calls of the reader's functions that always come back, and leave their arguments as they are.

Each call runs in a helper thread, and the thread of the training waits for it, but not for ever. A
call that does not end is stopped if it can be, and left alone if not: the training goes on.
"""

import ctypes
import sys
import threading
import time
from queue import Empty, SimpleQueue

import numpy as np

SECONDS = 20  # that a call may take
STACK = 16 * 2**20  # bytes of a helper's stack, for recursions through NumPy
RESULT, ERROR, REQUEST = "result", "error", "request"
ATTEMPTS = 20  # to stop a call, 0.05 s apart: it may catch what is raised in it

_local = threading.local()
_idle = []  # helpers without a call


class TimeUp(Exception):
    """A call has not ended in time.

    Attributes
    ----------
    line : int or None
        The line of the reader's file in which it was.
    """

    def __init__(self, seconds, line):
        super().__init__(f"it has not ended after {seconds:g} s")
        self.line = line


class Raised(Exception):
    """A call has raised an error, of any kind, SystemExit included."""

    def __init__(self, error):
        super().__init__(str(error))
        self.error = error


class Stopped(BaseException):
    """Raised in a helper thread to stop a call."""


def is_inside():
    """Return whether this thread is running one of the reader's functions."""
    return hasattr(_local, "channel")


def call(function, arguments, path, seconds=None):
    """Call a function in a helper thread and return its result.

    Raises `Raised` if it raises an error, and `TimeUp` after `seconds` (default: `SECONDS`), not
    counting the time of functions that are made by `outside`. ``path`` is the reader's file.
    """
    helper = _idle.pop() if _idle else _Helper()
    kind, value = helper.call(function, arguments, path, SECONDS if seconds is None else seconds)
    _idle.append(helper)  # unless the call did not end
    if kind == ERROR:
        raise Raised(value) from None
    return value


def outside(function):
    """Return a function for the reader's to call, which runs in the thread of the training."""

    def run(*arguments):
        asked, told = _local.channel
        told.put((REQUEST, lambda: function(*arguments)))
        result, error = asked.get()
        if error is not None:
            raise error
        return result

    return run


def dismiss():
    """End the helper threads."""
    while _idle:
        _idle.pop().asked.put(None)


class _Helper:
    def __init__(self):
        self.asked, self.told = SimpleQueue(), SimpleQueue()
        given = self.asked, self.told
        self.thread = threading.Thread(target=_serve, args=given, name="answer", daemon=True)
        before = threading.stack_size(STACK)
        try:
            self.thread.start()
        finally:
            threading.stack_size(before)

    def call(self, function, arguments, path, seconds):
        self.asked.put((function, arguments))
        left = seconds
        while True:
            began = time.perf_counter()
            try:
                kind, value = self.told.get(timeout=max(left, 0))
            except Empty:
                line = find_line(sys._current_frames().get(self.thread.ident), path)
                self._stop()
                raise TimeUp(seconds, line) from None
            if kind != REQUEST:
                return kind, value
            left -= time.perf_counter() - began
            try:
                self.asked.put((value(), None))
            except Exception as error:
                self.asked.put((None, error))

    def _stop(self):
        ident = ctypes.c_ulong(self.thread.ident)
        for _ in range(ATTEMPTS):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Stopped))
            self.thread.join(0.05)
            if not self.thread.is_alive():
                return


def _serve(asked, told):
    """Answer calls, in a helper thread."""
    _local.channel = asked, told
    try:
        with np.errstate(all="ignore"):
            while (job := asked.get()) is not None:
                function, arguments = job
                try:
                    told.put((RESULT, function(*arguments)))
                except Stopped:
                    return
                except BaseException as error:  # SystemExit, too
                    told.put((ERROR, error))
                del job, function, arguments  # or arrays would live until the next call
    except Stopped:
        return


def find_line(frame, path):
    """Return the innermost line of the reader's file in a stack, or None."""
    while frame is not None:
        if frame.f_code.co_filename == str(path):
            return frame.f_lineno
        frame = frame.f_back
    return None


def protect(value):
    """Return arguments in which arrays cannot be changed; containers are copied."""
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    if isinstance(value, dict):
        return {key: protect(each) for key, each in value.items()}
    return type(value)(map(protect, value)) if type(value) in (tuple, list) else value


def release(value):
    """Return a result whose arrays are free to be changed; protected arguments are copied."""
    if isinstance(value, np.ndarray):
        return value if value.flags.writeable else value.copy()
    if isinstance(value, dict):
        return {key: release(each) for key, each in value.items()}
    return type(value)(map(release, value)) if type(value) in (tuple, list) else value
