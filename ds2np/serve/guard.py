"""Who may ask: keys, origins of web pages, host names, and how large a request may be."""

import hmac
import ipaddress
from urllib.parse import urlsplit

from ds2np.serve.refusals import refuse

LOCAL = "localhost", "127.0.0.1", "::1"
OPEN = "/", "/health"  # and what the page loads
PATIENCE = 4  # times the largest request is read and discarded


def is_local(host):
    """Return whether an address is reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Middleware that refuses what the server does not want, before it is read.

    Parameters
    ----------
    app : callable
        The ASGI application behind it.
    host : str
        The address that the server listens on.
    key : str
        What clients have to know; empty for none.
    most_bytes : int
        Of the body of a request.
    """

    def __init__(self, app, host, key="", most_bytes=1 << 25):
        self.app, self.host, self.key, self.most_bytes = app, host, key, most_bytes

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        refusal = self._look(scope, headers)
        if refusal is None:
            if scope["type"] == "http":
                receive = _Bounded(receive, self.most_bytes)
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await _discard(receive, PATIENCE * self.most_bytes)
            await refusal(scope, receive, send)
        else:
            await receive()
            await _deny(refusal, send)

    def _look(self, scope, headers):
        """Return a refusal, or None."""
        name = urlsplit(f"//{headers.get(b'host', '')}").hostname or ""
        if is_local(self.host) and not is_local(name):  # a page may have its own name point here
            return refuse(403, f"the server is for this machine, not for {name!r}")
        origin = headers.get(b"origin")
        if origin and urlsplit(origin).netloc != headers.get(b"host"):
            return refuse(403, f"pages of {origin} may not use this server")
        if not self._knows_key(scope, headers):
            return refuse(401, "expected the server's key, as in: Authorization: Bearer KEY")
        length = headers.get(b"content-length", "0")
        if not length.isdecimal() or int(length) > self.most_bytes:
            return refuse(413, _too_large(self.most_bytes))
        return None

    def _knows_key(self, scope, headers):
        path = scope["path"]
        is_open = path in OPEN or path.startswith("/page/")
        if not self.key or (scope["type"] == "http" and is_open):
            return True
        given = headers.get(b"authorization", "").removeprefix("Bearer ")
        # Pages cannot send headers with a WebSocket; they name the key as a protocol.
        offered = headers.get(b"sec-websocket-protocol", "").split(",")
        keys = [given, *(each.strip().removeprefix("key.") for each in offered)]
        return any(hmac.compare_digest(each.encode(), self.key.encode()) for each in keys)


def _too_large(most):
    return f"the request is too large; expected at most {most / 1e6:.0f} MB"


async def _discard(receive, most):
    """Read a body that is refused: many clients read an answer only when they have sent all."""
    count, more = 0, True
    while more and count <= most:
        message = await receive()
        count += len(message.get("body", b""))
        more = message.get("more_body", False)


async def _deny(refusal, send):
    """Refuse a WebSocket by an ordinary response."""
    await send(
        {
            "type": "websocket.http.response.start",
            "status": refusal.status_code,
            "headers": refusal.raw_headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": refusal.body})


class TooLarge(Exception):
    """The body of a request that did not state its length is too large."""


class _Bounded:
    """Counts the bytes of a body."""

    def __init__(self, receive, most):
        self.receive, self.most, self.count = receive, most, 0

    async def __call__(self):
        message = await self.receive()
        self.count += len(message.get("body", b""))
        if self.count > self.most:
            raise TooLarge(_too_large(self.most))
        return message
