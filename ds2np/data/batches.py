"""Minibatches: which utterances, in which order, padded to one length, fetched ahead."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Batch:
    """A padded minibatch.

    Attributes
    ----------
    indices : ndarray of int of shape (N,)
        Which utterances of the dataset.
    x : ndarray of float32 of shape (N, T, F)
        Spectrograms, 0 in the padding.
    lengths : ndarray of int of shape (N,)
    labels : ndarray of int of shape (N, L)
    label_lengths : ndarray of int of shape (N,)
    """

    indices: np.ndarray
    x: np.ndarray
    lengths: np.ndarray
    labels: np.ndarray
    label_lengths: np.ndarray


def plan_epoch(frames, batch_size, epoch, seed):
    """Decide which utterances form the minibatches of an epoch, and their order.

    Paper, "SortaGrad": the first epoch runs from short utterances to long ones, as the loss of a
    long one swamps a network that knows nothing yet. Later epochs shuffle minibatches of utterances
    of like length, with other neighbours in every epoch.

    Parameters
    ----------
    frames : ndarray of int of shape (utterances,)
    batch_size : int
    epoch : int
        From 1; the plan is a function of seed and epoch alone.
    seed : int

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
    batches = [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
    if epoch > 1:
        rng.shuffle(batches)
    return batches


def make_batch(dataset, indices):
    """Compute the features of some utterances and pad them to one length.

    Parameters
    ----------
    dataset : Dataset
    indices : ndarray of int of shape (N,)

    Returns
    -------
    Batch
    """
    features = [dataset.features(i) for i in indices]
    labels = [dataset.labels[i] for i in indices]
    return Batch(
        indices,
        *_pad(features, np.float32),
        *_pad(labels, np.int64),
    )


def _pad(sequences, dtype):
    """Stack sequences of unequal length, zeros behind the shorter ones, and count them."""
    lengths = np.array([len(s) for s in sequences])
    padded = np.zeros((len(sequences), lengths.max(), *sequences[0].shape[1:]), dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded, lengths


def prefetch(dataset, plan, ahead=2):
    """Make the minibatches of a plan in order, the next ones while the caller is busy.

    Parameters
    ----------
    dataset : Dataset
    plan : list of ndarray of int
    ahead : int
        Minibatches that are made in advance.

    Yields
    ------
    Batch
    """
    waiting = deque()
    with ThreadPoolExecutor(max_workers=1) as pool:
        try:
            for indices in plan:
                waiting.append(pool.submit(make_batch, dataset, indices))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
