"""Filling of a `FeatureCache` before training, by all processes of a run."""

import contextlib
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from tqdm import tqdm

from ds2np.data.batches import in_order
from ds2np.data.recordings import BadRecording
from ds2np.data.shards import quantise, write_shard
from ds2np.errors import UserError
from ds2np.files import locked
from ds2np.machine import be_worker

SHARD = 2**29  # bytes of a file: 4.6 hours of sound at 161 numbers a frame
MEETING = 5.0  # seconds between two collective calls, much less than the time-out of a rank


def fill_cache(cache, compute, frames, comm):
    """Compute the features that a cache lacks and write them; to be called on every rank.

    Files follow the order of the first epoch, which therefore reads them from beginning to end. A
    minibatch of a later epoch has utterances of similar length, which are neighbours in them.

    Each rank writes files of its own, and reads those of all. If another run is filling the folder,
    this one waits for it. After an interruption, files that were complete are kept.

    Parameters
    ----------
    cache : FeatureCache
    compute : callable
        Returns the features of utterance i, called in threads. A `BadRecording` is kept as 0
        frames: it is not tried again here, but whenever it is read, which then says why.
    frames : ndarray of int of shape (utterances,)
    comm : Communicator

    Raises
    ------
    UserError
        If the disk is full.
    """
    if not comm.any(cache.missing.any())[0]:
        return

    def encode(i):
        try:
            return quantise(compute(i))
        except BadRecording:
            return quantise(np.zeros((0, cache.F), np.float32))

    with _alone(cache.folder, comm):
        cache.find()  # another run may have filled it meanwhile
        comm.barrier()  # all ranks have looked before any writes
        # First a share for each rank; then what is still missing where ranks have own folders.
        for rank, size in (comm.rank, comm.size), (0, 1):
            groups = _cut(cache.missing, frames, 2 * cache.F, size)
            _write(cache, groups[rank::size], encode, comm)
            cache.find()


@contextlib.contextmanager
def _alone(folder, comm):
    """Let one run at a time fill a folder; its ranks enter and leave the block together."""
    with contextlib.ExitStack() as stack:
        waiting = False
        while True:
            try:
                if comm.is_main:
                    stack.enter_context(locked(folder / "filling.lock", str(folder)))
                refusal = ""
            except UserError as error:
                refusal = str(error)
            if not comm.any(bool(refusal))[0]:
                break
            if comm.is_main and not waiting:
                print(f"waiting: {refusal}", file=sys.stderr)
            waiting = True
            time.sleep(1)
        yield


def _cut(chosen, frames, frame_bytes, size):
    """Cut the chosen utterances, shortest first, into groups of equal duration, one for a file.

    There is at least one group for each of ``size`` ranks, if there are as many utterances.
    """
    order = np.argsort(frames, kind="stable")
    order = order[chosen[order]]
    if not len(order):
        return []
    ends = np.cumsum(np.maximum(frames[order], 1))
    count = max(-(-frame_bytes * ends[-1] // SHARD), size)
    numbers = (ends - 1) * count // ends[-1]
    return np.split(order, np.flatnonzero(np.diff(numbers)) + 1)


def _write(cache, groups, encode, comm):
    """Write a file for each group; meet the other ranks regularly, and when all are done."""
    total = sum(map(len, groups))
    if comm.is_main and total:
        earlier = any(cache.folder.glob("??/*.npy"))
        note = "; its .npy files are of an earlier version and can be deleted" if earlier else ""
        tqdm.write(f"caching the features of {total:,} utterances in {cache.folder}{note}")
    due = time.monotonic() + MEETING
    pool = ThreadPoolExecutor(os.cpu_count(), initializer=be_worker)
    shown = {"desc": "caching", "delay": 1, "mininterval": 1, "leave": False}
    bar = tqdm(total=total, **shown, disable=not comm.is_main)

    def encoded(group):
        nonlocal due
        waiting = (pool.submit(encode, i) for i in group)
        for i, found in zip(group, in_order(waiting, ahead=2 * os.cpu_count()), strict=True):
            yield cache.key(i), found
            bar.update()
            if time.monotonic() > due:
                comm.any(True)
                due = time.monotonic() + MEETING

    with pool, bar:
        for group in groups:
            write_shard(cache.path_of(group), encoded(group))
    while comm.any(False)[0]:
        pass
