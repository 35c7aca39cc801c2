"""Whole recordings that are sent to a server, some at once: how many are answered in a second."""

import http.client
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ds2np.bench.serving import serving
from ds2np.errors import UserError

PATH = "/v1/audio/transcriptions"
GRACE = 120.0  # seconds to wait for an answer


@dataclass(frozen=True)
class Requests:
    """What requests with whole recordings met with.

    Attributes
    ----------
    batch : int
        Recordings that the server may take together.
    at_once : int
        Requests that waited for their answers at any time.
    rate : float
        Recordings a second.
    median, p98 : float
        Seconds from a request to its answer.
    """

    batch: int
    at_once: int
    rate: float
    median: float
    p98: float


def measure_requests(run, files, ways, rounds=3, told=print):
    """Send recordings to servers of a run.

    Parameters
    ----------
    run : Path
    files : sequence of Path
        The recordings; all are sent in each round.
    ways : sequence of tuple of int
        Limit of a batch, and requests at once.
    rounds : int
        Each round goes through all ways, so that all meet with the same noise.
    told : callable
        Called with each result as a line of text.

    Returns
    -------
    list of Requests

    Raises
    ------
    UserError
        If a recording cannot be read, or is refused.
    """
    bodies = [path.read_bytes() for path in map(Path, files)]
    seconds, latencies = [0.0 for _ in ways], [[] for _ in ways]
    with ExitStack() as stack:
        batches = {batch for batch, _ in ways}
        addresses = {batch: stack.enter_context(serving(run, batch)) for batch in batches}
        for turn in range(rounds * len(ways)):
            i = turn % len(ways)
            batch, at_once = ways[i]
            began = time.perf_counter()
            latencies[i] += _send_all(addresses[batch], bodies, at_once)
            seconds[i] += time.perf_counter() - began
    found = [
        Requests(*way, len(each) / took, float(np.median(each)), float(np.quantile(each, 0.98)))
        for way, each, took in zip(ways, latencies, seconds, strict=True)
    ]
    for requests in found:
        told(format_requests(requests))
    return found


def format_requests(requests):
    """Write a result as a line."""
    return (
        f"at most {requests.batch:3} together, {requests.at_once:2} requests at once: "
        f"{requests.rate:6.1f} recordings a second, median {1000 * requests.median:5.0f} ms, "
        f"98 % {1000 * requests.p98:5.0f} ms"
    )


def _send_all(address, sounds, at_once):
    """Send each sound in a request of its own; return the seconds that each answer took."""
    waiting = iter(sounds)  # `next` of a list's iterator is safe between threads

    def work(_):
        latencies = []
        with closing(http.client.HTTPConnection(address, timeout=GRACE)) as connection:
            for sound in waiting:
                began = time.perf_counter()
                _send(connection, sound)
                latencies.append(time.perf_counter() - began)
        return latencies

    with ThreadPoolExecutor(at_once) as workers:
        return [latency for found in workers.map(work, range(at_once)) for latency in found]


def _send(connection, sound):
    """Send a recording as a form, as a browser does."""
    name = secrets.token_hex(16)
    head = f"--{name}\r\nContent-Disposition: form-data; name=file; filename=sound\r\n\r\n"
    body = head.encode() + sound + f"\r\n--{name}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={name}"}
    connection.request("POST", PATH, body, kind)
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise UserError(f"the server refuses a recording ({answer.status}): {text[:200]}")
