"""Load on a server: streams that send sound as fast as people speak, and the time to each answer.

Paper, "Batch Dispatch": its figure shows the latency of the median and of the 98th percentile over
the number of streams, and how much of the work is done in batches.
"""

import asyncio
import contextlib
import json
import re
import time
import urllib.request
from dataclasses import dataclass

import numpy as np

from ds2np.audio import load_audio
from ds2np.bench.serving import serving

PIECE = 0.1  # seconds of sound in a message
RATE = 16000
SPREAD = 2.5  # seconds within which streams begin; utterances that begin together end together
PAUSE = 0.5  # seconds between two recordings
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


def measure_load(run, batches, counts, seconds, gather=0, files=(), told=print):
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
    gather : int
        Milliseconds in which pieces gather to a batch.
    files : sequence of Path
        Recordings that the streams say, one after another; noise if there are none.
    told : callable
        Called with each `Load` as a line of text.

    Returns
    -------
    list of Load
    """
    said = [load_audio(file, RATE)[0] for file in files]
    loads = []
    for batch in batches:
        with serving(run, batch, max(counts), gather) as address:
            for count in counts:
                load = _measure(address, batch, count, seconds, said)
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


def _measure(address, batch, count, seconds, said):
    before = _count_work(address)
    latencies = asyncio.run(_stream_all(address, count, seconds, said))
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


async def _stream_all(address, count, seconds, said):
    """Run streams beside each other; return the latencies of all answers."""
    from websockets.asyncio.client import connect

    async with contextlib.AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(connect(f"ws://{address}", compression=None))
            for _ in range(count)
        ]
        offsets = np.random.default_rng(0).uniform(0, SPREAD, count)
        all_begun = time.perf_counter() + SPREAD
        streams = [
            _stream(socket, all_begun, before, seconds, make_sound(before + seconds, i, said))
            for i, (socket, before) in enumerate(zip(sockets, offsets, strict=True))
        ]
        return [latency for found in await asyncio.gather(*streams) for latency in found]


def make_sound(seconds, seed, said=()):
    """Return what a stream says, pieces of 16-bit samples: recordings with pauses, or noise."""
    rng, size = np.random.default_rng(seed), round(PIECE * RATE)
    count = (round(seconds / PIECE) + 1) * size
    sound = rng.integers(-3000, 3000, count)
    if said:
        parts, pause, length = [], rng.normal(0, 3, round(PAUSE * RATE)), 0
        while length < count + RATE:
            parts += [32767 * said[rng.integers(len(said))], pause]
            length += len(parts[-2]) + len(pause)
        sound = np.concatenate(parts)[rng.integers(RATE) :][:count]  # begins anywhere
    return sound.astype("<i2").reshape(-1, size)


async def _stream(socket, all_begun, before, seconds, sound):
    """Send a stream as fast as it would be spoken; return the latencies of its counted pieces.

    It begins some time `before` all have begun. From then on its pieces are counted.
    """
    latencies, early, count = [], round(before / PIECE), round(seconds / PIECE)
    ends = all_begun - before + PIECE * np.arange(1, early + count + 1)
    await socket.send(json.dumps({"config": {"sample_rate": RATE}}))

    async def read():
        for end in ends:
            await socket.recv()
            latencies.append(time.perf_counter() - end)

    reading = asyncio.create_task(read())
    for end, piece in zip(ends, sound, strict=False):
        await asyncio.sleep(max(0, end - time.perf_counter()))
        await socket.send(piece.tobytes())
    with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
        await asyncio.wait_for(reading, GRACE)
    return latencies[early:]
