"""Minibatches: which utterances, in which order, padded to one length, fetched ahead."""

import dataclasses
import math
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ds2np.machine import be_worker

AHEAD = 4  # minibatches that are made in advance


@dataclasses.dataclass(frozen=True)
class Batch:
    """A padded minibatch.

    Attributes
    ----------
    indices : ndarray of int of shape (N,)
        Which utterances of the dataset; none where a single row of no frames stands for nothing.
    x : ndarray of shape (N, T, F)
        Spectrograms, of the network's dtype, 0 in the padding.
    lengths : ndarray of int of shape (N,)
    labels : ndarray of int of shape (N, L)
    label_lengths : ndarray of int of shape (N,)
    """

    indices: np.ndarray
    x: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    label_lengths: np.ndarray


def plan_epoch(frames, batch_size, epoch, seed, max_frames=math.inf):
    """Decide which utterances form the minibatches of an epoch, and their order.

    Paper, "SortaGrad": the first epoch runs from short utterances to long ones, as the loss of a
    long one swamps a network that knows nothing yet. Later epochs shuffle minibatches of utterances
    of like length, with other neighbours in every epoch.

    Parameters
    ----------
    frames : ndarray of int of shape (utterances,)
    batch_size : int
        Utterances of a minibatch, at most.
    epoch : int
        From 1; the plan is a function of seed and epoch alone.
    seed : int
    max_frames : float
        Frames of a minibatch with its padding, at most; an utterance that has more comes alone.

    Returns
    -------
    list of ndarray of int
        Indices of utterances, a minibatch each; every utterance stands in exactly one.
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
    """Give a process its part of every minibatch.

    Each has like lengths, since a minibatch is in order of length; one that has fewer utterances
    than there are processes leaves some without.

    Parameters
    ----------
    plan : list of ndarray of int
    rank, size : int
        Of the process, and how many there are.

    Returns
    -------
    list of ndarray of int
    """
    return [indices[rank::size] for indices in plan]


def _cut(order, frames, batch_size, max_frames):
    """Cut an order of utterances into minibatches that are not too large."""
    cuts, first, longest = [], 0, 0
    for place, length in enumerate(frames[order]):
        longest = max(longest, length)
        count = place - first + 1
        if place > first and (count > batch_size or count * longest > max_frames):
            cuts.append(place)
            first, longest = place, length
    return np.split(order, cuts)


def make_batch(dataset, indices, draw=None):
    """Compute the features of some utterances and pad them to one length.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of int of shape (N,)
    draw : tuple of int, optional
        Seed of the changes to the recordings; none are made without it.

    Returns
    -------
    Batch
    """
    features = [
        dataset.features(i, None if draw is None else np.random.default_rng((*draw, i)))
        for i in indices
    ]
    labels = [dataset.labels[i] for i in indices]
    if not features:
        return _no_utterance(dataset.config.features, dataset.dtype)
    return Batch(indices, *pad(features, dataset.dtype), *pad(labels, np.int64))


def _no_utterance(F, dtype):
    """Make a minibatch for a process that has no utterance, but has to keep step with others."""
    none = np.zeros(1, np.int64)
    return Batch(none[:0], np.zeros((1, 1, F), dtype), none, np.zeros((1, 0), np.int64), none)


def take(batch, rows):
    """Make a smaller minibatch of some rows."""
    if not len(rows):
        return _no_utterance(batch.x.shape[2], batch.x.dtype)
    columns = dataclasses.asdict(batch)
    return dataclasses.replace(batch, **{name: of_all[rows] for name, of_all in columns.items()})


def pad(sequences, dtype):
    """Stack sequences of unequal length, zeros behind the shorter ones, and count them.

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
    """Make the minibatches of a plan in order, the next ones while the caller is busy.

    Parameters
    ----------
    dataset : Dataset
    plan : list of ndarray of int
    draw : tuple of int, optional
        See `make_batch`.
    ahead : int
        Minibatches that are made in advance.

    Yields
    ------
    Batch
    """
    waiting = deque()
    with ThreadPoolExecutor(os.cpu_count(), initializer=be_worker) as pool:
        try:
            for indices in plan:
                waiting.append(pool.submit(make_batch, dataset, indices, draw))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
