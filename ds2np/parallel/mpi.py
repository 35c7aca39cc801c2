"""Processes on CPUs, connected by MPI.

MPI's blocking calls wait for ever, so each call is started and then polled. MPI moves data only
while one of its functions runs, so a thread calls one regularly during a background sum.
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

MESSAGE_TAG = 17  # the tag of the roll call's messages
UNUSED_TAG = 18  # a tag without messages
MOVE_EVERY = 0.0005  # seconds


class MPICommunicator(ManyProcesses):
    """The processes that mpiexec started.

    A process that ends without closing its communicator ends all; otherwise they would wait for it.
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
        self.barrier()  # now all processes are watched
        self.at(None)

    def begin_sum(self, array):
        handle = super().begin_sum(array)
        self._mover.begin()

        def wait():
            self._mover.end()
            handle.wait()

        return Handle(wait)

    def sum(self, array):
        super().begin_sum(array).wait()  # polling moves the data, without the thread

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
                f"{self.roll.name([self.rank])}: MPI failed at "
                f"{self.roll.place or 'a collective call'} ({error}); a rank has ended, or the "
                f"ranks make different calls"
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
            # A bug: its traceback follows, and does not name the rank.
            who = self.roll.name([self.rank])
            print(f"error: {who} failed with {type(error).__name__}", file=sys.stderr, flush=True)

    def _end_watch(self):
        if self._stop_watching is not None:
            self._stop_watching()

    def _end_all_unless_closed(self):
        """End all processes, after Python has printed the error of this one."""
        if self._closed:
            return
        self._mover.stop()
        self._end_watch()
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(0.3)  # mpiexec drops output that it has not read by the end
        self._world.Abort(self._exit_code)


class _Mover:
    """A thread that lets MPI move data while the program computes."""

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
        """End the thread, because no thread may call MPI after its end."""
        self._stopped = True
        self._needed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self):
        while self._needed.wait() and not self._stopped:
            self._mpi.COMM_WORLD.Iprobe(tag=UNUSED_TAG)
            time.sleep(MOVE_EVERY)


class MPIMailbox:
    """The mailbox of `RollCall`, over MPI."""

    def __init__(self, mpi):
        self._mpi, self._world = mpi, mpi.COMM_WORLD
        self._sent = []  # MPI reads the data after send has returned

    def send(self, rank, message):
        data = np.frombuffer(json.dumps(message).encode(), np.uint8)
        self._sent = [sent for sent in self._sent if not sent[0].Test()]
        self._sent.append((self._world.Isend(data, rank, MESSAGE_TAG), data))

    def receive(self):
        status = self._mpi.Status()
        if not self._world.Iprobe(tag=MESSAGE_TAG, status=status):
            return None
        data = np.empty(status.Get_count(self._mpi.BYTE), np.uint8)
        self._world.Recv(data, status.source, MESSAGE_TAG)
        return status.source, json.loads(data.tobytes())
