"""What the processes of one run can do together: add up arrays, share them, wait for each other.

A run over p processes is p copies of the same program; each has a rank from 0 to p - 1. All make
the same collective calls in the same order. A run of one process makes them, too, and they cost it
nothing: no program needs to ask how many there are.
"""

import time

import numpy as np

from ds2np.errors import UserError

TIMEOUT = 30.0


class Handle:
    """A collective call that goes on in the background.

    Parameters
    ----------
    wait : callable, optional
        Returns when the call is done; without it, it is done already.
    """

    def __init__(self, wait=None):
        self._wait = wait

    def wait(self):
        """Return when the array holds the result; a second time, at once."""
        if self._wait is not None:
            wait, self._wait = self._wait, None
            wait()


class Communicator:
    """A run of one process, and the interface of a run of many.

    Use it in a ``with`` block: whatever leaves the block by an exception ends the processes
    together, each with an exit code that is not 0.

    Attributes
    ----------
    rank : int
        The number of this process, from 0.
    size : int
        How many processes there are.
    timeout : float
        Seconds that a collective call waits before it names the ranks that have not come.
    """

    rank, size, timeout = 0, 1, TIMEOUT

    @property
    def is_main(self):
        """Whether this is rank 0, the one that writes and speaks."""
        return self.rank == 0

    def at(self, place):
        """Name the place in the run, such as "step 17", for the message about a missing rank."""

    def begin_sum(self, array):
        """Begin to add up an array over all ranks, in place.

        Until the handle has been waited for, the array is neither to be read nor changed.

        Parameters
        ----------
        array : ndarray
            Contiguous, float or integer, of the same shape and dtype on all ranks.

        Returns
        -------
        Handle
            Its ``wait()`` returns when the sum is there.
        """
        _check(array)
        return Handle()

    def broadcast(self, array):
        """Give all ranks the array of rank 0, in place.

        Parameters
        ----------
        array : ndarray
            As for `begin_sum`.
        """
        _check(array)

    def sum(self, array):
        """Add up an array over all ranks, in place; every rank gets the same bits."""
        self.begin_sum(array).wait()

    def mean(self, array):
        """Average an array of floats over all ranks, in place."""
        self.sum(array)
        array /= self.size

    def any(self, *flags):
        """Tell of each flag whether it is true on any rank.

        Returns
        -------
        list of bool
        """
        counts = np.array(flags, np.float64)
        self.sum(counts)
        return (counts > 0).tolist()

    def barrier(self):
        """Return when all ranks have come here."""
        self.sum(np.zeros(1))

    def gather(self, text):
        """Collect a text from every rank.

        Each rank writes its own into a buffer of zeros that is long enough for all of them: the sum
        of these buffers is all texts, one after the other.

        Parameters
        ----------
        text : str
            Of any length.

        Returns
        -------
        list of str
            By rank; on every rank the same.
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

    def close(self):
        """Wait for all ranks to be done, and let go of each other; a second time, do nothing."""

    def fail(self, error):
        """Prepare to end all ranks, since this one cannot go on.

        Parameters
        ----------
        error : BaseException
            What this process is about to report.
        """

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if error is None or isinstance(error, KeyboardInterrupt):  # which all ranks receive
            self.close()
        else:
            self.fail(error)


class ManyProcesses(Communicator):
    """Base class of the multi-process communicators.

    A subclass adds ``_start_sum(array)`` and ``_start_broadcast(array)``; each returns a function
    that says, without waiting, whether the call is done.

    Parameters
    ----------
    roll : RollCall
        Waits for the others, and names who is missing.
    """

    def __init__(self, roll):
        self.roll = roll
        self.rank, self.size = roll.rank, roll.size

    @property
    def timeout(self):
        """Seconds before missing ranks are named."""
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
        # Where all ranks fail for the same reason, the message of the first is enough: it ends the
        # others before they have told theirs.
        time.sleep(0.5 * min(self.rank, 4))


def exit_code(error):
    """Choose the exit code of a process that ends by an exception: that of the commands, not 0."""
    if isinstance(error, SystemExit) and isinstance(error.code, int):
        return error.code or 1
    return 2 if isinstance(error, (UserError, OSError)) else 1


def _check(array):
    if array.dtype.kind not in "iuf":
        raise TypeError(f"an array of {array.dtype} cannot be added up; needed are numbers")
    if not array.flags.c_contiguous:
        raise ValueError("the array is not contiguous; a copy would not be changed in place")
