"""Utterances are read and augmented in other processes.

Python runs one thread at a time, and much of an augmentation is Python: in threads, two cores
augment hardly more than one does, and the network waits. So other processes read:

    training -> utterance, generator, ...      -> worker
    training <- features, warnings, or an error <- worker

What comes back is what the same function gives in this process.
"""

import contextlib
import os
import pickle
import platform
import queue
import subprocess
import sys
from pathlib import Path

import ds2np
from ds2np.errors import UserError
from ds2np.machine import without_interrupts

WORTH = 1800.0  # seconds of sound: less of it is augmented while processes start
MOST = 16  # processes, of 70 MB each: they augment some 3,000 utterances of 3 s a second


@contextlib.contextmanager
def workers(make, arguments, comm):
    """Start processes that call a function, and end them when the block is left.

    There are as many as this machine has cores for each rank, 16 at most. They end with this
    process, too, whatever ends it.

    Parameters
    ----------
    make : callable
        Returns the function; at the top level of a module, where the processes find it.
    arguments : tuple
        For `make`; picklable.
    comm : Communicator
        All its ranks call this.

    Yields
    ------
    callable
        The function, to be called in threads. A UserError that it raises is raised here, as is
        one if a process ends.
    """
    name = platform.node() + "\n"
    count = os.cpu_count() // comm.gather(name).count(name)
    count = min(max(count, 1), MOST)
    with contextlib.ExitStack() as stack:
        yield _Workers([stack.enter_context(_start(make, arguments)) for _ in range(count)])


class _Workers:
    """Hands each call to a process that is idle."""

    def __init__(self, processes):
        self._idle = queue.SimpleQueue()
        for process in processes:
            self._idle.put(process)

    def __call__(self, *arguments):
        worker = self._idle.get()
        try:
            _send(worker.stdin, arguments)
            answer, error = pickle.load(worker.stdout)
        except (EOFError, OSError):
            raise UserError(
                "a process that reads recordings has ended, perhaps because memory ran out"
            ) from None
        finally:
            self._idle.put(worker)
        if error:
            raise error
        return answer


@contextlib.contextmanager
def _start(make, arguments):
    """Start a worker, and end it when the block is left."""
    package = str(Path(ds2np.__file__).parents[1])
    path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    with without_interrupts():  # the training says when to end
        worker = subprocess.Popen(
            [sys.executable, "-c", f"from {__name__} import work; work()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"},
        )
    try:
        _send(worker.stdin, (make, arguments))
        yield worker
    finally:
        worker.kill()
        for pipe in (worker.stdin, worker.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        worker.wait()


def _send(pipe, message):
    pickle.dump(message, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def work():
    """Do what comes by standard input, until it is closed."""
    calls, answers = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # what is printed must not get among the answers
    from ds2np import machine

    machine.tune()  # before NumPy is imported
    make, arguments = pickle.load(calls)
    function = make(*arguments)
    with contextlib.suppress(EOFError, BrokenPipeError):  # the training has ended
        while True:
            arguments = pickle.load(calls)
            try:
                answer = function(*arguments), None
            except UserError as error:
                answer = None, error
            _send(answers, answer)
