"""Minibatches: planned for an epoch, padded to one length, prefetched.

Chapter 06 explains the order of an epoch.
"""

import dataclasses
import math
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ds2np.data.recordings import BadRecording
from ds2np.machine import be_worker

AHEAD = 4  # minibatches computed in advance


@dataclasses.dataclass(frozen=True)
class Batch:
    """A padded minibatch of N utterances.

    Attributes
    ----------
    indices : ndarray of int of shape (N,)
        Of the utterances in the dataset; empty, beside one row of length 0, if a rank has none.
    x : ndarray of shape (N, T, F)
        Spectrograms in the network's dtype, 0 in the padding.
    lengths : ndarray of int of shape (N,)
    labels : ndarray of int of shape (N, L)
    label_lengths : ndarray of int of shape (N,)
    unusable : dict of int to str
        Utterances that were left out because of their recordings, with the reasons.
    """

    indices: np.ndarray
    x: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    label_lengths: np.ndarray
    unusable: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Draw:
    """A part of the utterances for each epoch, drawn anew.

    Attributes
    ----------
    first, times : int
        So many of the first utterances come so many times in each epoch.
    others : int
        So many of the others come once, different ones in each epoch.
    """

    first: int
    times: int
    others: int

    def __call__(self, count, epoch, seed):
        """Return the indices of the utterances of an epoch, of ``count`` that there are."""
        rng = np.random.default_rng((seed, epoch, 1))
        others = rng.permutation(np.arange(self.first, count))[: self.others]
        return np.concatenate([np.tile(np.arange(self.first), self.times), others])


def plan_epoch(frames, batch_size, epoch, seed, max_frames=math.inf):
    """Plan an epoch: the indices of the utterances of each minibatch, in order.

    Paper, "SortaGrad": the first epoch runs from short utterances to long ones, because the loss of
    a long one swamps an untrained network. Later epochs shuffle minibatches of similar length,
    with different neighbours in every epoch.

    Parameters
    ----------
    frames : ndarray of int of shape (utterances,)
    batch_size : int
        Maximum number of utterances in a minibatch.
    epoch : int
        From 1; the random choices depend on seed and epoch alone.
    seed : int
    max_frames : float
        Maximum number of frames in a minibatch, padding included; a longer utterance comes alone.

    Returns
    -------
    list of ndarray of int
        The minibatches; each utterance is in exactly one.
    """
    rng = np.random.default_rng((seed, epoch))
    if epoch == 1:
        order = np.argsort(frames, kind="stable")
    else:
        order = np.argsort(frames * rng.uniform(0.9, 1.1, len(frames)), kind="stable")
    batches = _cut(order, frames, batch_size, max_frames)
    if epoch > 1:
        rng.shuffle(batches)
    return batches


def shard(plan, rank, size):
    """Return the share of one rank in each minibatch of a plan.

    Utterances are dealt out like cards. A minibatch is sorted by length, so the shares are alike: a
    share exceeds an equal part of the minibatch, padding included, by less than one utterance. The
    next minibatch is dealt on from the rank at which this one ended, so that the remainder goes
    round: 8 ranks with 20 utterances a minibatch wait 27 % of a step for the one with the most
    frames, but 11 % of a step over four minibatches (25 % if rank 0 were always the first). In a
    minibatch with fewer utterances than ranks, some shares are empty.
    """
    dealt = np.cumsum([0, *(len(indices) for indices in plan)])
    return [plan[k][(rank - dealt[k]) % size :: size] for k in range(len(plan))]


def distribute(plan, frames, rank, size):
    """Return those minibatches of a plan that one rank computes alone, as in an evaluation.

    The largest come first, each to the rank with the fewest ``frames`` so far, padding included.
    """
    padded = [len(indices) * frames[indices].max() for indices in plan]
    held, own = np.zeros(size), []
    for k in np.argsort(padded, kind="stable")[::-1]:
        least = held.argmin()
        held[least] += padded[k]
        if least == rank:
            own.append(k)
    return [plan[k] for k in sorted(own)]


def _cut(order, frames, batch_size, max_frames):
    """Cut an order of utterances into minibatches within the limits."""
    cuts, first, longest = [], 0, 0
    for place, length in enumerate(frames[order]):
        longest = max(longest, length)
        count = place - first + 1
        if place > first and (count > batch_size or count * longest > max_frames):
            cuts.append(place)
            first, longest = place, length
    return np.split(order, cuts)


def make_batch(dataset, indices, draw=None):
    """Compute the features of some utterances and return them as a Batch.

    Utterances whose recordings are unusable are left out. ``draw`` is a tuple of integers that
    seeds the augmentation; without it there is none.
    """
    return _assemble(dataset, indices, [_read(dataset, indices, draw)])


def _read(dataset, indices, draw):
    """Return a dict of the features of some utterances, or why a recording is unusable."""
    found = {}
    for i in indices:
        rng = None if draw is None else np.random.default_rng((*draw, i))
        try:
            found[i] = dataset.features(i, rng)
        except BadRecording as error:
            found[i] = str(error)
    return found


def _assemble(dataset, indices, shares):
    """Make a Batch of what `_read` has found in the shares of a minibatch."""
    found = {i: each for share in shares for i, each in share.items()}
    unusable = {int(i): found[i] for i in indices if isinstance(found[i], str)}
    read = [i for i in indices if i not in unusable]
    if not read:
        return _no_utterance(dataset.config.features, dataset.dtype, unusable)
    labels = [dataset.labels[i] for i in read]
    padded = *pad([found[i] for i in read], dataset.dtype), *pad(labels, np.int64)
    return Batch(np.array(read), *padded, unusable)


def _no_utterance(F, dtype, unusable=()):
    """Make a minibatch for a rank that has no utterance but must make the same collective calls."""
    none = np.zeros(1, np.int64)
    x, labels = np.zeros((1, 1, F), dtype), np.zeros((1, 0), np.int64)
    return Batch(none[:0], x, none, labels, none, dict(unusable))


def take(batch, rows):
    """Return the minibatch of some rows."""
    if not len(rows):
        return _no_utterance(batch.x.shape[2], batch.x.dtype)
    columns = ("indices", "x", "lengths", "labels", "label_lengths")
    return Batch(*(getattr(batch, name)[rows] for name in columns))


def pad(sequences, dtype):
    """Stack sequences of unequal length, padded with zeros, and return their lengths.

    Parameters
    ----------
    sequences : list of ndarray of shape (length, ...)
    dtype : dtype

    Returns
    -------
    padded : ndarray of shape (N, longest, ...)
    lengths : ndarray of int of shape (N,)
    """
    lengths = np.array([len(s) for s in sequences])
    padded = np.zeros((len(sequences), lengths.max(), *sequences[0].shape[1:]), dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded, lengths


def prefetch(dataset, plan, draw=None, ahead=AHEAD):
    """Yield the minibatches of a plan in order, computed ahead in background threads.

    One thread for each core reads; they share the utterances of a minibatch, so that ``ahead``
    minibatches in memory, though fewer than the cores, occupy them all. Another thread pads. See
    `make_batch` for ``draw``.
    """
    threads = os.cpu_count()
    readers = ThreadPoolExecutor(threads, initializer=be_worker)
    padder = ThreadPoolExecutor(1, initializer=be_worker)

    def submit(indices):
        shares = [indices[k::threads] for k in range(min(threads, len(indices)))]
        read = [readers.submit(_read, dataset, share, draw) for share in shares]
        return padder.submit(lambda: _assemble(dataset, indices, (f.result() for f in read)))

    with readers, padder:
        try:
            yield from in_order(map(submit, plan), ahead)
        finally:
            for pool in padder, readers:
                pool.shutdown(wait=False, cancel_futures=True)


def in_order(futures, ahead):
    """Yield the results of futures, taken from an iterable ``ahead`` of them in advance."""
    waiting = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
