"""The process that serves: uvicorn with a graceful end."""

import asyncio
import logging
import time

import uvicorn

from ds2np.serve.app import make_app

PATIENCE = 10  # seconds that requests get to be answered when the server ends
LOG = logging.getLogger("ds2np.serve")


class Server(uvicorn.Server):
    """A server that lets streams send their last results before it ends.

    Attributes
    ----------
    failed : bool
        Whether the process of the network has ended by itself, so that the server ends, too.
    """

    def __init__(self, config, ending):
        super().__init__(config)
        self.ending, self.failed = ending, False

    def give_up(self):
        """End, because the process of the network has."""
        LOG.error("the process of the network has ended")
        self.failed = self.should_exit = True

    async def shutdown(self, sockets=None):
        """End: first the streams, then what uvicorn does."""
        self.ending.set()
        await asyncio.sleep(0.1)  # streams begin to send
        deadline = time.monotonic() + PATIENCE
        while self.server_state.tasks and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def make_server(dispatcher, limits, host, key="", heard=None, teaching=None):
    """Return a `Server`; ``run([socket])`` serves until SIGTERM or Ctrl-C."""
    ending = asyncio.Event()
    app = make_app(dispatcher, limits, ending, host, key, heard, teaching)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=1 << 20,
        ws_per_message_deflate=False,  # sound does not become smaller
        timeout_graceful_shutdown=PATIENCE,
        lifespan="on",
    )
    server = Server(config, ending)
    dispatcher.lost = server.give_up
    return server
