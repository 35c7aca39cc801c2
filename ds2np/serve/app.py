"""The application: what is found under which path."""

import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from ds2np.serve.about import NOTHING, describe
from ds2np.serve.guard import Guard
from ds2np.serve.meters import Meters
from ds2np.serve.refusals import refuse_http
from ds2np.serve.socket import Socket
from ds2np.serve.transcriptions import Transcriptions

PAGE = Path(__file__).parent / "page"
POLICY = {"Content-Security-Policy": "default-src 'self'; connect-src 'self' ws: wss:"}
LOG = logging.getLogger("ds2np.serve")


@dataclass(frozen=True)
class Limits:
    """What the server does at most.

    Attributes
    ----------
    batch : int
        Streams, or recordings, that go through the network together.
    streams : int
        Open at a time.
    seconds : float
        Of sound in a recording or stream.
    bytes : int
        In a request.
    """

    batch: int = 128
    streams: int = 200
    seconds: float = 600.0
    bytes: int = 32_000_000


def make_app(dispatcher, limits, ending, host="127.0.0.1", key="", heard=None, teaching=None):
    """Build the application.

    Parameters
    ----------
    dispatcher : Remote
    limits : Limits
    ending : asyncio.Event
        Set when the server ends.
    host : str
        The address that it listens on.
    key : str
        What clients have to know; empty for none.
    heard : dict, optional
        What the network has heard in training; see `read_heard`.
    teaching : Teaching, optional
        If the page is to teach the network a voice.
    """
    told = describe(dispatcher.config, heard or NOTHING, bool(key), teaching is not None)
    meters = Meters(lambda: socket.streams, lambda: dispatcher.queued)
    dispatcher.told = meters.count_batch
    socket = Socket(dispatcher, limits.streams, limits.seconds, ending)
    transcriptions = Transcriptions(dispatcher, limits.seconds)

    @contextlib.asynccontextmanager
    async def lifespan(app):
        dispatcher.listen()
        yield
        if teaching:
            await teaching.stop()
        await dispatcher.stop()

    async def health(request):
        return JSONResponse({"status": "ending" if ending.is_set() else "ok"})

    async def models(request):
        return JSONResponse({"object": "list", "data": [{"id": "ds2np", "object": "model"}]})

    async def page(request):
        return FileResponse(PAGE / "index.html", headers=POLICY)

    async def about(request):
        return JSONResponse(told)

    path = "/v1/audio/transcriptions"
    return Starlette(
        routes=[
            Route(path, _measured(transcriptions.answer, path, meters), methods=["POST"]),
            Route("/v1/models", models),
            Route("/health", health),
            Route("/metrics", meters.answer),
            WebSocketRoute("/", socket.serve),
            Route("/", page),
            Route("/page/about.json", about),
            *(teaching.routes() if teaching else ()),
            Mount("/page", StaticFiles(directory=PAGE)),
        ],
        middleware=[Middleware(Guard, host=host, key=key, most_bytes=limits.bytes)],
        exception_handlers={HTTPException: refuse_http, Exception: refuse_http},
        lifespan=lifespan,
    )


def _measured(endpoint, path, meters):
    """Return an endpoint whose requests are counted and logged."""

    async def answer(request):
        began = time.perf_counter()
        response = await endpoint(request)
        seconds = time.perf_counter() - began
        meters.requests.labels(path, response.status_code).inc()
        meters.latency.labels(path).observe(seconds)
        LOG.info(
            "request", extra={"path": path, "status": response.status_code, "seconds": seconds}
        )
        return response

    return answer
