"""The process that serves: uvicorn with a graceful end and a log of one JSON object a line."""

import asyncio
import json
import logging
import sys
import time

import uvicorn

from ds2np.serve.app import make_app

PATIENCE = 10  # seconds that requests get to be answered when the server ends
EXTRA = "path", "status", "seconds"


class Server(uvicorn.Server):
    """A server that lets streams send their last results before it ends."""

    def __init__(self, config, ending):
        super().__init__(config)
        self.ending = ending

    async def shutdown(self, sockets=None):
        """End: first the streams, then what uvicorn does."""
        self.ending.set()
        await asyncio.sleep(0.1)  # streams begin to send
        deadline = time.monotonic() + PATIENCE
        while self.server_state.tasks and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await super().shutdown(sockets)


class JsonLines(logging.Formatter):
    """A JSON object a line: time, level, message, and what belongs to it."""

    def format(self, record):
        """Write a record."""
        fields = {"time": self.formatTime(record), "level": record.levelname.lower()}
        fields["message"] = record.getMessage()
        fields |= {name: getattr(record, name) for name in EXTRA if hasattr(record, name)}
        if record.exc_info:
            fields["error"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def make_server(recogniser, limits, host, key=""):
    """Return a `Server`; ``run([socket])`` serves until SIGTERM or Ctrl-C."""
    ending = asyncio.Event()
    app = make_app(recogniser, limits, ending, host, key)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        ws_max_size=1 << 20,
        timeout_graceful_shutdown=PATIENCE,
        lifespan="on",
    )
    return Server(config, ending)


def log_to_stderr():
    """Send all log records, as JSON lines, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
