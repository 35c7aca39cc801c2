"""The collective calls of a run: all-reduce, broadcast, gather and barrier.

A run of p processes is p copies of the same program; each has a rank from 0 to p - 1. All make the
same collective calls in the same order. In a run of one process the calls cost nothing, so no
program needs to ask for the number of processes.
"""

import contextlib
import time

import numpy as np

from ds2np.errors import UserError

TIMEOUT = 30.0


class Handle:
    """A collective call in the background; without ``wait``, it is done already."""

    def __init__(self, wait=None):
        self._wait = wait

    def wait(self):
        """Wait until the array holds the result; a second call returns at once."""
        if self._wait is not None:
            wait, self._wait = self._wait, None
            wait()


class Communicator:
    """A run of one process, and the interface of a run of many.

    In a ``with`` block, an exception that leaves the block ends all processes, each with a nonzero
    exit code. ``rank`` is the number of this process, from 0, and ``size`` that of all processes; a
    collective call waits ``timeout`` seconds before it names the missing ranks.
    """

    rank, size, timeout = 0, 1, TIMEOUT

    @property
    def is_main(self):
        """Whether this is rank 0, the one that prints and writes files."""
        return self.rank == 0

    def at(self, place):
        """Set the place in the run, such as "step 17", for the message about missing ranks."""

    def begin_sum(self, array):
        """Start to sum an array over all ranks, in place; return a Handle.

        The array is contiguous, float or integer, and has the same shape and dtype on all ranks. It
        must not be read or changed before the handle's ``wait()`` returns.
        """
        _check(array)
        return Handle()

    def broadcast(self, array):
        """Copy the array of rank 0 to all ranks, in place; see `begin_sum`."""
        _check(array)

    def sum(self, array):
        """Sum an array over all ranks, in place; every rank gets the same bits."""
        self.begin_sum(array).wait()

    def mean(self, array):
        """Average an array of floats over all ranks, in place."""
        self.sum(array)
        array /= self.size

    def any(self, *flags):
        """Return, as a list, whether each flag is true on any rank."""
        counts = np.array(flags, np.float64)
        self.sum(counts)
        return (counts > 0).tolist()

    def barrier(self):
        """Wait until all ranks have reached this call."""
        self.sum(np.zeros(1))

    def gather(self, text):
        """Return a list of the texts of all ranks, the same on every rank.

        Each rank writes its text into a buffer of zeros that is long enough for all of them: the
        sum of these buffers is the texts, one after the other.
        """
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        lengths = np.zeros(self.size, np.int64)
        lengths[self.rank] = len(data)
        self.sum(lengths)
        ends = np.cumsum(lengths)
        starts = ends - lengths
        texts = np.zeros(ends[-1], np.uint8)
        texts[starts[self.rank] : ends[self.rank]] = data
        self.sum(texts)
        return [
            texts[start:end].tobytes().decode("utf-8", "surrogatepass")
            for start, end in zip(starts, ends, strict=True)
        ]

    @contextlib.contextmanager
    def on_main(self, context):
        """Enter a context on rank 0 alone; a UserError that refuses it is raised on all ranks."""
        with contextlib.ExitStack() as stack:
            refusal = ""
            if self.is_main:
                try:
                    stack.enter_context(context)
                except UserError as error:
                    refusal = str(error)
            if refusal := self.gather(refusal)[0]:
                raise UserError(refusal)
            yield

    def close(self):
        """Wait until all ranks are done, and disconnect; a second call does nothing."""

    def fail(self, error):
        """Prepare to end all ranks, because this one is about to report `error`."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is None or isinstance(error, KeyboardInterrupt):  # which all ranks receive
            self.close()
        else:
            self.fail(error)


class ManyProcesses(Communicator):
    """Base class of the multi-process communicators.

    A subclass adds ``_start_sum(array)`` and ``_start_broadcast(array)``, which return a function
    that polls the call. ``roll`` is the RollCall that waits for the other ranks.
    """

    def __init__(self, roll):
        self.roll = roll
        self.rank, self.size = roll.rank, roll.size

    @property
    def timeout(self):
        return self.roll.timeout

    @timeout.setter
    def timeout(self, seconds):
        self.roll.timeout = seconds

    def at(self, place):
        self.roll.place = place

    def begin_sum(self, array):
        return self._begin(self._start_sum, array)

    def broadcast(self, array):
        self._begin(self._start_broadcast, array).wait()

    def _begin(self, start, array):
        _check(array)
        call = self.roll.begin()
        done = start(array)
        return Handle(lambda: self.roll.wait_until(done, call))

    def fail(self, error):
        # If all ranks fail for the same reason, one message is enough: rank 0 ends the others
        # before they print theirs.
        time.sleep(0.5 * min(self.rank, 4))


def exit_code(error):
    """Return the exit code of the commands for an exception; it is never 0."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code or 1
    return 2 if isinstance(error, (UserError, OSError)) else 1


def _check(array):
    if array.dtype.kind not in "iuf":
        raise TypeError(f"cannot sum an array of {array.dtype}; expected integers or floats")
    if not array.flags.c_contiguous:
        raise ValueError("the array is not contiguous; expected one that can be changed in place")
