"""A server in a thread of the tests' process; its network has a process of its own."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass

import pytest
from helpers.streams import recogniser_of

from ds2np.serve.app import Limits
from ds2np.serve.remote import Remote
from ds2np.serve.server import make_server
from ds2np.serve.teaching import Teaching


@dataclass
class Served:
    """A running server."""

    recogniser: object
    server: object
    port: int

    @property
    def http(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self):
        return f"ws://127.0.0.1:{self.port}"


@contextlib.contextmanager
def serving(load=recogniser_of, key="", heard=None, teach=None, **limits):
    """Run a server while a block is executed.

    load: returns the recogniser. teach: the arguments of `Teaching` but the first.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    with Remote(load) as dispatcher:
        teaching = teach and Teaching(dispatcher, *teach)
        server = make_server(dispatcher, Limits(**limits), "127.0.0.1", key, heard, teaching)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield Served(load(), server, listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
        assert dispatcher.process.exitcode == 0


@pytest.fixture(scope="module")
def served():
    with serving() as one:
        yield one
