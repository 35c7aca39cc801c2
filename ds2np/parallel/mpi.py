"""Many processes on CPUs: MPI carries the arrays.

MPI's blocking calls wait for ever. So each call is begun and then asked, again and again, whether
it is done. MPI moves the arrays only while one of its functions runs; where a sum goes on in the
background, a thread calls one now and then.
"""

import atexit
import json
import os
import socket
import sys
import threading
import time

import numpy as np

from ds2np.errors import UserError
from ds2np.parallel.communicator import TIMEOUT, Handle, ManyProcesses, exit_code
from ds2np.parallel.rollcall import RollCall
from ds2np.parallel.watcher import watch

NOTES = 17  # the tag of messages that are no arrays
NOTHING = 18  # a tag that no message has
MOVE_EVERY = 0.0005  # seconds


class MPICommunicator(ManyProcesses):
    """The processes that mpiexec has started.

    A process that ends without having closed its communicator ends all of them; without this, MPI
    would wait for the others, and they for it.

    Parameters
    ----------
    timeout : float
        Seconds that a collective call waits before it names the ranks that have not come.
    """

    def __init__(self, timeout=TIMEOUT):
        from mpi4py import MPI  # initialises MPI

        self._mpi, self._world = MPI, MPI.COMM_WORLD
        mailbox = MPIMailbox(MPI)
        super().__init__(RollCall(self._world.rank, self._world.size, mailbox, timeout))
        self._requests = []
        self._mover = _Mover(MPI)
        self._exit_code, self._closed = 2, False
        self._stop_watching = None
        atexit.register(self._end_all_unless_closed)
        self._exchange_identities()

    def _exchange_identities(self):
        self.at("the start of the run")
        identities = self.gather(json.dumps([socket.gethostname(), os.getpid()]))
        identities = [json.loads(identity) for identity in identities]
        self.roll.hosts = [host for host, _ in identities]
        here = [r for r in range(self.size) if identities[r][0] == identities[self.rank][0]]
        if self.rank == here[0]:
            self._stop_watching = watch({identities[r][1]: self.roll.name([r]) for r in here})
        self.barrier()  # all are being watched
        self.at(None)

    def begin_sum(self, array):
        handle = super().begin_sum(array)
        self._mover.begin()

        def wait():
            self._mover.end()
            handle.wait()

        return Handle(wait)

    def sum(self, array):
        super().begin_sum(array).wait()  # it is moved by the one who waits

    def _start_sum(self, array):
        return self._start(self._world.Iallreduce, self._mpi.IN_PLACE, array)

    def _start_broadcast(self, array):
        return self._start(self._world.Ibcast, array)

    def _start(self, function, *arguments):
        self._requests = [request for request in self._requests if not self._test(request)]
        request = function(*arguments)
        self._requests.append(request)
        return lambda: self._test(request)

    def _test(self, request):
        try:
            return request.Test()
        except self._mpi.Exception as error:
            raise UserError(
                f"{self.roll.name([self.rank])}: MPI failed at {self.roll.place or 'a collective'} "
                f"({error}); a rank has ended, or the ranks are not at the same place"
            ) from None

    def close(self):
        if not self._closed:
            self.at("the end of the run")
            self.barrier()
            self._mover.stop()
            self._end_watch()
            self._closed = True

    def fail(self, error):
        self._exit_code = exit_code(error)
        super().fail(error)
        if self._exit_code != 2 and not isinstance(error, SystemExit):
            # A bug: its traceback follows, and does not say where it happened.
            who = self.roll.name([self.rank])
            print(f"error: {who} ends all by {type(error).__name__}", file=sys.stderr, flush=True)

    def _end_watch(self):
        if self._stop_watching is not None:
            self._stop_watching()

    def _end_all_unless_closed(self):
        """End all processes, after Python has told what happened in this one."""
        if self._closed:
            return
        self._mover.stop()
        self._end_watch()
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(0.3)  # mpiexec drops what it has not read by the end
        self._world.Abort(self._exit_code)


class _Mover:
    """Lets MPI move arrays while the program computes.

    Parameters
    ----------
    mpi : module
        mpi4py.MPI.
    """

    def __init__(self, mpi):
        self._mpi = mpi
        self._under_way, self._stopped = 0, False
        self._needed = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        if mpi.Query_thread() == mpi.THREAD_MULTIPLE:
            self._thread.start()

    def begin(self):
        self._under_way += 1
        self._needed.set()

    def end(self):
        self._under_way -= 1
        if not self._under_way:
            self._needed.clear()

    def stop(self):
        """End the thread: nobody may call MPI after its end."""
        self._stopped = True
        self._needed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self):
        while self._needed.wait() and not self._stopped:
            self._mpi.COMM_WORLD.Iprobe(tag=NOTHING)
            time.sleep(MOVE_EVERY)


class MPIMailbox:
    """Small notes between ranks, for `RollCall`.

    Parameters
    ----------
    mpi : module
        mpi4py.MPI.
    """

    def __init__(self, mpi):
        self._mpi, self._world = mpi, mpi.COMM_WORLD
        self._sent = []  # MPI reads a note after send has returned

    def send(self, rank, note):
        data = np.frombuffer(json.dumps(note).encode(), np.uint8)
        self._sent = [sent for sent in self._sent if not sent[0].Test()]
        self._sent.append((self._world.Isend(data, rank, NOTES), data))

    def receive(self):
        status = self._mpi.Status()
        if not self._world.Iprobe(tag=NOTES, status=status):
            return None
        data = np.empty(status.Get_count(self._mpi.BYTE), np.uint8)
        self._world.Recv(data, status.source, NOTES)
        return status.source, json.loads(data.tobytes())
