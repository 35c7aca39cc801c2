"""Connect processes without MPI, so that NCCL can start.

NCCL connects GPUs once all ranks know its unique ID, 128 bytes drawn by rank 0. To send it, rank 0
listens at MASTER_ADDR:MASTER_PORT, and the others connect. The sockets stay open for the roll call
and to notice when a process ends. A message is a line of JSON.
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

HELLO_TIMEOUT = 2.0  # seconds for a client to send its identity


class Rendezvous:
    """Sockets between rank 0, at ``address`` and ``port``, and all others.

    A UserError names the ranks that do not connect within ``timeout`` seconds. ``roll`` is the
    RollCall over these sockets.
    """

    def __init__(self, rank, size, address, port, timeout=TIMEOUT):
        self.rank, self.size = rank, size
        self._address, self._port = address, port
        self._deadline = time.monotonic() + timeout
        self.mailbox = SocketMailbox()
        self.roll = RollCall(rank, size, self.mailbox, timeout)
        try:
            if rank == 0:
                self._accept_ranks()
            else:
                self._connect_to_rank_0()
        except BaseException:
            self.mailbox.close()
            raise

    @classmethod
    def from_environment(cls, timeout=TIMEOUT):
        """Connect as RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT specify."""
        rank, size, port = (number_from(n) for n in ("RANK", "WORLD_SIZE", "MASTER_PORT"))
        if rank >= size:
            raise UserError(f"RANK is {rank}; with a WORLD_SIZE of {size}, ranks end at {size - 1}")
        if "MASTER_ADDR" not in os.environ:
            raise UserError("the environment variable MASTER_ADDR is not set; expected an address")
        return cls(rank, size, os.environ["MASTER_ADDR"], port, timeout)

    def broadcast(self, array):
        """Copy a small array of rank 0, such as NCCL's unique ID, to all ranks, in place."""
        if self.rank == 0:
            for rank in range(1, self.size):
                self.mailbox.send(rank, {"kind": "array", "hex": array.tobytes().hex()})
        else:
            data = bytes.fromhex(self._receive("array")["hex"])
            array[...] = np.frombuffer(data, array.dtype).reshape(array.shape)

    def close(self):
        """Close all sockets."""
        self.mailbox.close()

    def fail(self, error):
        """Close all sockets, which informs the other ranks."""
        self.close()

    @property
    def _place(self):
        return f"{self._address}:{self._port}"

    def _accept_ranks(self):
        hosts = {0: socket.gethostname()}
        try:
            server = socket.create_server((self._address, self._port), backlog=self.size)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"rank 0 cannot listen at {self._place} ({error}); MASTER_ADDR must be an "
                f"address of its machine, and MASTER_PORT a free port there"
            ) from None
        with server:
            while len(hosts) < self.size:
                self._wait_for_client(server, hosts)
                client, _ = server.accept()
                hello = _read_hello(client)
                if hello is None:
                    client.close()  # not one of our ranks
                    continue
                if fault := self._find_fault(hello, hosts):
                    self.mailbox.add(self.size, client)  # a rank that does not exist
                    self._refuse(fault)
                hosts[hello["rank"]] = hello["host"]
                self.mailbox.add(hello["rank"], client)
        self.roll.hosts = [hosts[rank] for rank in range(self.size)]
        for rank in range(1, self.size):
            self.mailbox.send(rank, {"kind": "welcome", "hosts": self.roll.hosts})

    def _wait_for_client(self, server, hosts):
        left = max(0, self._deadline - time.monotonic())
        if not select.select([server], [], [], left)[0]:
            missing = [rank for rank in range(self.size) if rank not in hosts]
            verb = "has" if len(missing) == 1 else "have"
            self._refuse(
                f"{self.roll.name(missing)} {verb} not reached the rendezvous at {self._place} "
                f"within {self.roll.timeout:g} s; see the last output of each missing rank"
            )

    def _find_fault(self, hello, hosts):
        rank, host = hello["rank"], hello["host"]
        if hello["size"] != self.size:
            return (
                f"rank {rank} (host {host}) has a WORLD_SIZE of {hello['size']}, rank 0 one of "
                f"{self.size}; all ranks need the same"
            )
        if rank in hosts:
            return (
                f"two processes have RANK {rank}, on the hosts {hosts[rank]} and {host}; each "
                f"needs a different RANK"
            )
        return None

    def _refuse(self, text):
        for rank in range(1, self.size + 1):
            self.mailbox.send(rank, {"kind": "verdict", "text": text})
        raise UserError(text)

    def _connect_to_rank_0(self):
        while True:
            try:
                connection = socket.create_connection((self._address, self._port), timeout=1.0)
                break
            except (OSError, OverflowError) as error:
                if time.monotonic() > self._deadline:
                    raise UserError(
                        f"rank 0 of {self.size} has not reached the rendezvous at {self._place} "
                        f"within {self.roll.timeout:g} s ({error}); MASTER_ADDR and MASTER_PORT "
                        f"must be the same for all ranks"
                    ) from None
                time.sleep(0.1)
        self.mailbox.add(0, connection)
        hello = {"kind": "hello", "rank": self.rank, "size": self.size}
        self.mailbox.send(0, {**hello, "host": socket.gethostname()})
        # Rank 0 may have started later, and waits as long for the others.
        self._deadline = time.monotonic() + self.roll.timeout + 5
        self.roll.hosts = self._receive("welcome")["hosts"]

    def _receive(self, kind):
        """Wait for a message of rank 0."""
        while time.monotonic() < self._deadline:
            received = self.mailbox.receive()
            if received is None:
                time.sleep(0.01)
                continue
            _, message = received
            if message is None:
                break
            if message["kind"] == "verdict":
                raise UserError(message["text"])
            if message["kind"] == kind:
                return message
        raise UserError(
            f"rank 0 of {self.size} ended or stopped answering during the rendezvous at "
            f"{self._place}; see its last output"
        )


class SocketMailbox:
    """The mailbox of `RollCall`, over sockets."""

    def __init__(self):
        self._sockets = {}  # rank -> socket
        self._partial = {}  # rank -> the beginning of a message
        self._messages = []

    def add(self, rank, connection):
        """Use a socket for the messages of a rank."""
        connection.settimeout(
            HELLO_TIMEOUT
        )  # messages are short: a rank that takes longer has ended
        self._sockets[rank], self._partial[rank] = connection, b""

    def send(self, rank, message):
        if rank in self._sockets:
            with contextlib.suppress(OSError):  # receive() reports that the rank has ended
                self._sockets[rank].sendall(json.dumps(message).encode() + b"\n")

    def receive(self):
        if not self._messages:
            ranks = {connection: rank for rank, connection in self._sockets.items()}
            for connection in select.select(list(ranks), [], [], 0)[0]:
                self._read(ranks[connection], connection)
        return self._messages.pop(0) if self._messages else None

    def _read(self, rank, connection):
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        *complete, self._partial[rank] = (self._partial[rank] + data).split(b"\n")
        self._messages += [(rank, json.loads(text)) for text in complete]
        if not data:
            self._sockets.pop(rank).close()
            self._messages.append((rank, None))

    def close(self):
        """Close all sockets."""
        while self._sockets:
            self._sockets.popitem()[1].close()


def _read_hello(client):
    """Read the first message of a client; return None if it is not of this program."""
    client.settimeout(HELLO_TIMEOUT)
    try:
        with client.makefile("rb") as file:
            hello = json.loads(file.readline(1000))
        complete = isinstance(hello["host"], str) and 0 < hello["rank"] < hello["size"]
        return hello if complete and hello["kind"] == "hello" else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
