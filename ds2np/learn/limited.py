"""Run a reader's code so that, whatever it does, whoever called it goes on.

On Linux it runs in a copy of this process, which is stopped if it does not end: nothing that it
changes, prints or uses up reaches this one. Elsewhere a timer interrupts it, which works for code
that runs in Python's own loops.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import sys
import threading
import warnings

from ds2np.errors import UserError

SECONDS = 15
LETTERS = 10_000  # of what it prints
BYTES = 2**30  # of memory, beyond what this process has


class Stopped(UserError):
    """Code did not end by itself."""


class _Interrupt(BaseException):
    """Raised by the timer; ``except Exception`` does not catch it."""


class _Output(io.TextIOBase):
    """Keeps the beginning of what is printed."""

    def __init__(self):
        self.parts, self.room = [], LETTERS

    def write(self, text):
        self.parts.append(text[: self.room])
        self.room -= len(self.parts[-1])
        return len(text)

    def __str__(self):
        more = "" if self.room else f"\n... (only the first {LETTERS} letters are shown)\n"
        return "".join(self.parts) + more


def run_limited(function, seconds=SECONDS):
    """Call a function without arguments and return its result and what it printed.

    Parameters
    ----------
    function : callable
        Its result, and a `UserError` that it raises, must be picklable.
    seconds : float
        After that it is stopped.

    Raises
    ------
    Stopped
        If the function does not end, or ends Python.
    """
    run = _in_a_copy if sys.platform == "linux" else _with_a_timer
    result, printed = run(function, seconds)
    if isinstance(result, UserError):
        raise result
    return result, printed


def _call(function):
    """Call it and return its result, or the error if it is a `UserError` or no `Exception`."""
    output = _Output()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            result = function()
        except UserError as error:
            result = error
        except (SystemExit, KeyboardInterrupt, GeneratorExit) as error:
            result = Stopped(f"your code raised {type(error).__name__}: {error}")
    return result, str(output)


def _in_a_copy(function, seconds):
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def run():
        _limit_memory()
        there.send(_call(function))

    process = context.Process(target=run, daemon=True)
    with warnings.catch_warnings():
        # Python warns of threads that a copy does not have. It needs none: what it computes with
        # (NumPy's products) starts its own again.
        warnings.simplefilter("ignore", DeprecationWarning)
        process.start()
    there.close()
    try:
        if not here.poll(seconds):
            raise Stopped(f"your code was stopped after {seconds:g} s; does a loop never end?")
        return here.recv()
    except EOFError:
        process.join()
        raise Stopped(f"your code ended Python{_name(process.exitcode)}") from None
    finally:
        process.kill()
        process.join()
        here.close()


def _name(exitcode):
    if exitcode >= 0:
        return ""
    reasons = {
        signal.SIGKILL: ", perhaps for lack of memory",
        signal.SIGSEGV: ", perhaps by an index far outside of an array",
    }
    reason = reasons.get(-exitcode, "")
    return f" ({signal.Signals(-exitcode).name}{reason})"


def _limit_memory():
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = now + BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))


def _with_a_timer(function, seconds):
    if (
        not hasattr(signal, "setitimer")
        or threading.current_thread() is not threading.main_thread()
    ):
        return _call(function)

    def interrupt(*_):
        raise _Interrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    # Again and again: code that catches everything has to be told more than once.
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.05)
    try:
        return _call(function)
    except _Interrupt:
        raise Stopped(
            f"your code was stopped after {seconds:g} s; does a loop never end?"
        ) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
