import io
import re
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import soundfile


@pytest.fixture
def record():
    """Write a short recording."""

    def write(path, seconds=0.5, rate=8000, **options):
        path.parent.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(0)
        soundfile.write(path, rng.uniform(-0.1, 0.1, int(seconds * rate)), rate, **options)
        return path

    return write


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, span = self.server, self.headers["Range"]
        server.requests.append((self.path, span))
        body = server.files.get(self.path)
        if server.failures:
            self.send_error(server.failures.pop(0))
        elif body is None:
            self.send_error(404)
        elif span and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", span)[1])
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
            else:
                where = f"bytes {start}-{len(body) - 1}/{len(body)}"
                self.answer(206, body[start:], [("Content-Range", where)])
        else:
            self.answer(200, body)

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for header in headers:
            self.send_header(*header)
        if self.server.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else None
        self.wfile.write(body[:cut])
        if cut is not None:
            time.sleep(self.server.silence)

    def log_message(self, *message):
        pass


@pytest.fixture
def server(monkeypatch):
    """Serve files on this machine, with the failures a test asks for."""
    import download

    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("no_proxy", "*")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.files = {}  # by path
    server.ranges = True  # continues a download
    server.lengths = True  # says how long a file is
    server.cuts = []  # after how many bytes the next connections end; None is not at all
    server.silence = 0  # seconds before they do
    server.failures = []  # the status of the next answers
    server.requests = []  # what was asked for
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def pack():
    """Pack a folder as a .tar.gz archive, with the extra members given."""

    def make(folder, members=()):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, path.name)
            for member in members:
                archive.addfile(member, io.BytesIO(bytes(member.size)))
        return packed.getvalue()

    return make
