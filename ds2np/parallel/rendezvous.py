"""Bring processes together that no MPI connects, so that NCCL can.

NCCL connects GPUs by itself once all know a number of 128 bytes that rank 0 has drawn. To pass it
on, rank 0 listens at MASTER_ADDR:MASTER_PORT, and the others call there. The lines stay open for
the notes of a roll call, and because they tell when a process has ended; no array ever takes them.

Everything that travels is a line of JSON.
"""

import contextlib
import json
import os
import select
import socket
import time

import numpy as np

from ds2np.errors import UserError
from ds2np.parallel.communicator import TIMEOUT
from ds2np.parallel.environment import number_from
from ds2np.parallel.rollcall import RollCall

HELLO_TIMEOUT = 2.0  # for a caller to say who it is


class Rendezvous:
    """Lines between rank 0 and all others.

    Parameters
    ----------
    rank, size : int
    address : str
        Of the machine of rank 0.
    port : int
    timeout : float
        Seconds to wait for all ranks.

    Attributes
    ----------
    roll : RollCall

    Raises
    ------
    UserError
        If the ranks do not come together: names those that are missing.
    """

    def __init__(self, rank, size, address, port, timeout=TIMEOUT):
        self.rank, self.size = rank, size
        self._address, self._port = address, port
        self._deadline = time.monotonic() + timeout
        self.mailbox = SocketMailbox()
        self.roll = RollCall(rank, size, self.mailbox, timeout)
        try:
            if rank == 0:
                self._receive_callers()
            else:
                self._call_rank_0()
        except BaseException:
            self.mailbox.close()
            raise

    @classmethod
    def from_environment(cls, timeout=TIMEOUT):
        """Meet where RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT say."""
        rank, size, port = (number_from(n) for n in ("RANK", "WORLD_SIZE", "MASTER_PORT"))
        if rank >= size:
            raise UserError(f"RANK is {rank}; with a WORLD_SIZE of {size}, ranks end at {size - 1}")
        if "MASTER_ADDR" not in os.environ:
            raise UserError("the environment variable MASTER_ADDR is not set; needed is an address")
        return cls(rank, size, os.environ["MASTER_ADDR"], port, timeout)

    def broadcast(self, array):
        """Give all ranks a small array of rank 0, such as NCCL's number, in place."""
        if self.rank == 0:
            for rank in range(1, self.size):
                self.mailbox.send(rank, {"kind": "array", "hex": array.tobytes().hex()})
        else:
            data = bytes.fromhex(self._hear("array")["hex"])
            array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)

    def close(self):
        """Hang up."""
        self.mailbox.close()

    def fail(self, error):
        """Hang up: that tells the others."""
        self.close()

    @property
    def _place(self):
        return f"{self._address}:{self._port}"

    def _receive_callers(self):
        hosts = {0: socket.gethostname()}
        try:
            server = socket.create_server((self._address, self._port), backlog=self.size)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"rank 0 cannot listen at {self._place} ({error}); MASTER_ADDR has to be an "
                f"address of the machine of rank 0, and MASTER_PORT a free port of it"
            ) from None
        with server:
            while len(hosts) < self.size:
                self._wait_for_caller(server, hosts)
                line, _ = server.accept()
                hello = _read_hello(line)
                if hello is None:
                    line.close()  # somebody else's call
                    continue
                if fault := self._find_fault(hello, hosts):
                    self.mailbox.add(self.size, line)  # nobody's rank
                    self._refuse(fault)
                hosts[hello["rank"]] = hello["host"]
                self.mailbox.add(hello["rank"], line)
        self.roll.hosts = [hosts[rank] for rank in range(self.size)]
        for rank in range(1, self.size):
            self.mailbox.send(rank, {"kind": "welcome", "hosts": self.roll.hosts})

    def _wait_for_caller(self, server, hosts):
        left = max(0, self._deadline - time.monotonic())
        if not select.select([server], [], [], left)[0]:
            missing = [rank for rank in range(self.size) if rank not in hosts]
            verb = "has" if len(missing) == 1 else "have"
            self._refuse(
                f"{self.roll.name(missing)} {verb} not come to the rendezvous at {self._place} "
                f"within {self.roll.timeout:g} s; see what it printed last"
            )

    def _find_fault(self, hello, hosts):
        rank, host = hello["rank"], hello["host"]
        if hello["size"] != self.size:
            return (
                f"rank {rank} (host {host}) has a WORLD_SIZE of {hello['size']}, rank 0 one of "
                f"{self.size}; all need the same"
            )
        if rank in hosts:
            return (
                f"two processes have RANK {rank}, on the hosts {hosts[rank]} and {host}; each "
                f"needs one of its own"
            )
        return None

    def _refuse(self, text):
        for rank in range(1, self.size + 1):
            self.mailbox.send(rank, {"kind": "verdict", "text": text})
        raise UserError(text)

    def _call_rank_0(self):
        while True:
            try:
                line = socket.create_connection((self._address, self._port), timeout=1.0)
                break
            except (OSError, OverflowError) as error:
                if time.monotonic() > self._deadline:
                    raise UserError(
                        f"rank 0 of {self.size} has not come to the rendezvous at {self._place} "
                        f"within {self.roll.timeout:g} s ({error}); MASTER_ADDR and MASTER_PORT "
                        f"have to be the same everywhere"
                    ) from None
                time.sleep(0.1)
        self.mailbox.add(0, line)
        hello = {"kind": "hello", "rank": self.rank, "size": self.size}
        self.mailbox.send(0, {**hello, "host": socket.gethostname()})
        # Rank 0 may have begun later, and waits as long for the others.
        self._deadline = time.monotonic() + self.roll.timeout + 5
        self.roll.hosts = self._hear("welcome")["hosts"]

    def _hear(self, kind):
        """Wait for something that rank 0 says."""
        while time.monotonic() < self._deadline:
            message = self.mailbox.receive()
            if message is None:
                time.sleep(0.01)
                continue
            _, note = message
            if note is None:
                break
            if note["kind"] == "verdict":
                raise UserError(note["text"])
            if note["kind"] == kind:
                return note
        raise UserError(
            f"rank 0 of {self.size} ended or fell silent during the rendezvous at {self._place}; "
            f"what it printed last says why"
        )


class SocketMailbox:
    """Small notes over open lines, for `RollCall`."""

    def __init__(self):
        self._lines = {}  # rank -> socket
        self._begun = {}  # rank -> the beginning of a note
        self._messages = []

    def add(self, rank, line):
        """Keep the line to a rank."""
        line.settimeout(HELLO_TIMEOUT)  # a note is short: who does not take it is gone
        self._lines[rank], self._begun[rank] = line, b""

    def send(self, rank, note):
        if rank in self._lines:
            with contextlib.suppress(OSError):  # that it has ended, receive() tells
                self._lines[rank].sendall(json.dumps(note).encode() + b"\n")

    def receive(self):
        if not self._messages:
            lines = {line: rank for rank, line in self._lines.items()}
            for line in select.select(list(lines), [], [], 0)[0]:
                self._read(lines[line], line)
        return self._messages.pop(0) if self._messages else None

    def _read(self, rank, line):
        try:
            data = line.recv(65536)
        except OSError:
            data = b""
        *whole, self._begun[rank] = (self._begun[rank] + data).split(b"\n")
        self._messages += [(rank, json.loads(text)) for text in whole]
        if not data:
            self._lines.pop(rank).close()
            self._messages.append((rank, None))

    def close(self):
        """Close all lines."""
        while self._lines:
            self._lines.popitem()[1].close()


def _read_hello(line):
    """Read who calls; None if it is none of ours."""
    line.settimeout(HELLO_TIMEOUT)
    try:
        with line.makefile("rb") as file:
            hello = json.loads(file.readline(1000))
        whole = isinstance(hello["host"], str) and 0 < hello["rank"] < hello["size"]
        return hello if whole and hello["kind"] == "hello" else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
