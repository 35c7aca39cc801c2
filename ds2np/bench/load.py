"""Load on a server: streams that send sound as fast as people speak, and the time to each answer.

Paper, "Batch Dispatch": its figure shows the latency of the median and of the 98th percentile over
the number of streams, and how much of the work is done in batches.
"""

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass

import numpy as np

from ds2np.errors import UserError

PIECE = 0.1  # seconds of sound in a message
RATE = 16000
GRACE = 20.0  # seconds to wait for the last answers


@dataclass(frozen=True)
class Load:
    """What some streams met with.

    Attributes
    ----------
    batch : int
        Streams that the server may take together; 1 for one at a time.
    streams : int
    median, p98 : float
        Seconds from the last sample of a piece to its answer.
    together : float
        Share of the pieces that were in batches of two or more.
    answered : float
        Share of the pieces that were answered before the end.
    """

    batch: int
    streams: int
    median: float
    p98: float
    together: float
    answered: float


def measure_load(run, batches, counts, seconds, told=print):
    """Put a server of a run under load.

    Parameters
    ----------
    run : Path
        A run that can stream.
    batches : sequence of int
        Limits of a batch, each for a server of its own.
    counts : sequence of int
        Numbers of streams. Beyond the first at which the 98th percentile is above a second, more
        are not tried.
    seconds : float
        That each stream lasts.
    told : callable
        Called with each `Load` as a line of text.

    Returns
    -------
    list of Load
    """
    loads = []
    for batch in batches:
        with _serving(run, batch, max(counts)) as address:
            for count in counts:
                load = _measure(address, batch, count, seconds)
                loads.append(load)
                told(format_load(load))
                if load.p98 > 1 or load.answered < 1:
                    break
    return loads


def format_load(load):
    """Write a load as a line."""
    return (
        f"at most {load.batch:3} together, {load.streams:3} streams: median "
        f"{1000 * load.median:5.0f} ms, 98 % {1000 * load.p98:5.0f} ms, "
        f"{load.together:4.0%} in batches" + f", {load.answered:.0%} answered" * (load.answered < 1)
    )


def count_held(loads, batch, limit):
    """Return the most streams whose 98th percentile stays within a limit in seconds."""
    return max((x.streams for x in loads if x.batch == batch and x.p98 <= limit), default=0)


def to_json(loads):
    """Return loads as plain values."""
    return [asdict(load) for load in loads]


@contextlib.contextmanager
def _serving(run, batch, streams):
    """Run a server in a process of its own; yield its address."""
    words = [sys.executable, "-m", "ds2np", "serve", run, "--port", "0", "--device", "cpu"]
    words += ["--max-batch", batch, "--max-streams", streams + 1]
    with subprocess.Popen(
        list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            words = process.stdout.readline().split()
            if not words:
                raise UserError(f"no server of {run}; `python -m ds2np serve {run}` says why")
            address = words[0].removeprefix("http://")
            urllib.request.urlopen(f"http://{address}/health").close()  # it listens: this waits
            yield address
        finally:
            process.terminate()


def _measure(address, batch, count, seconds):
    before = _count_work(address)
    latencies = asyncio.run(_stream_all(address, count, seconds))
    after = _count_work(address)
    alone, all_work = (b - a for a, b in zip(before, after, strict=True))
    expected = count * round(seconds / PIECE)
    known = latencies or [GRACE]
    return Load(
        batch,
        count,
        float(np.median(known)),
        float(np.quantile(known, 0.98)),
        1 - alone / all_work if all_work else 0.0,
        len(latencies) / expected,
    )


def _count_work(address):
    """Return how many pieces the server has run alone, and in all."""
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        text = answer.read().decode()
    kind = 'kind="streams"'
    numbers = [
        re.search(rf"^ds2np_{name}{{{labels}}} (\S+)", text, re.MULTILINE)
        for name, labels in (
            ("batch_size_bucket", f'{kind},le="1.0"'),
            ("batch_size_sum", kind),
        )
    ]
    return [float(number[1]) if number else 0.0 for number in numbers]


async def _stream_all(address, count, seconds):
    """Run streams beside each other; return the latencies of all answers."""
    offsets = np.random.default_rng(0).uniform(0, PIECE, count)  # people do not begin together
    begin = time.perf_counter() + 0.5 + 0.005 * count
    streams = [_stream(address, begin + offset, seconds, i) for i, offset in enumerate(offsets)]
    return [latency for found in await asyncio.gather(*streams) for latency in found]


async def _stream(address, begin, seconds, seed):
    from websockets.asyncio.client import connect

    rng, latencies = np.random.default_rng(seed), []
    count, size = round(seconds / PIECE), round(PIECE * RATE)
    sound = rng.integers(-3000, 3000, (count, size)).astype("<i2")
    async with connect(f"ws://{address}", compression=None) as socket:
        await socket.send(json.dumps({"config": {"sample_rate": RATE}}))

        async def read():
            for i in range(count):
                await socket.recv()
                latencies.append(time.perf_counter() - (begin + (i + 1) * PIECE))

        reading = asyncio.create_task(read())
        for i, piece in enumerate(sound):
            await asyncio.sleep(max(0, begin + (i + 1) * PIECE - time.perf_counter()))
            await socket.send(piece.tobytes())
        with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
            await asyncio.wait_for(reading, GRACE)
    return latencies
