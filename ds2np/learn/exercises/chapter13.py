"""Exercises of chapter 13: many GPUs."""

import numpy as np

from ds2np.data import batches
from ds2np.learn import simulate
from ds2np.learn.exercise import Exercise


def mean_of_parts(means, counts):
    """Weight each mean by its number of utterances, and add with the package's ring."""
    sums = [
        mean * count if count else np.zeros_like(mean)
        for mean, count in zip(means, counts, strict=True)
    ]
    return simulate.ring(sums)[0][0] / np.sum(counts)


def shard(plan, rank, size):
    """Deal out each minibatch by itself, from rank 0; the package deals on."""
    return [batches.shard([indices], rank, size)[0] for indices in plan]


def ring_round_back(chunks, k):
    """Simulate one round of reduce-scatter, with messages to the neighbour on the left."""
    chunks, p = chunks.copy(), len(chunks)
    network = simulate.Network(p)
    for r in range(p):
        network.send(r, (r - 1) % p, chunks[r, (r + k) % p])
    for r in range(p):
        chunks[r, (r + 1 + k) % p] += network.receive(r)
    return chunks


def ring_bytes(p, numbers):
    """Count the bytes sent by the package's ring."""
    return np.array(simulate.ring([np.zeros(numbers)] * p)[1].bytes_sent)


def _mean_cases(rng):
    def case(*counts):
        return rng.standard_normal((len(counts), 3)), np.array(counts)

    def gone(arguments, *processes):
        arguments[0][list(processes)] = np.nan
        return arguments

    idle = case(2, 0, 1)
    idle[0][1] = np.nan
    return {
        "equal shards": case(2, 2),
        "unequal shards": case(3, 2),
        "one large shard, three small ones": case(13, 1, 1, 1),
        "a shard without utterances, whose mean is NaN": idle,
        "one process": case(4),
        "two processes without utterances": gone(case(3, 0, 1, 0), 1, 3),
        "NaN from a process that had utterances": gone(case(2, 1), 1),
    }


def _share_cases(rng):
    def plan(*sizes):
        return np.split(rng.permutation(sum(sizes)), np.cumsum(sizes)[:-1])

    return {
        "two processes, rank 0": (plan(4, 4), 0, 2),
        "two processes, rank 1, minibatches of 5": (plan(5, 5, 3), 1, 2),
        "four processes, rank 2": (plan(8, 7, 6), 2, 4),
        "fewer utterances than processes": (plan(4, 2), 3, 4),
        "one process": (plan(3, 2), 0, 1),
    }


def _round_cases(rng):
    def case(p, m, k):
        return rng.standard_normal((p, p, m)), k

    return {
        "four processes, the first round": case(4, 2, 0),
        "four processes, the second round": case(4, 2, 1),
        "five processes, the last round": case(5, 1, 3),
        "two processes": case(2, 3, 0),
    }


def _bytes_cases(rng):
    return {
        "4 processes, 8 numbers": (4, 8),
        "4 processes, 10 numbers: chunks of 3, 3, 2, 2": (4, 10),
        "3 processes, 100 numbers": (3, 100),
        "5 processes, 2 numbers: three empty chunks": (5, 2),
        "2 processes, 7 numbers": (2, 7),
        "one process, which sends nothing": (1, 6),
    }


EXERCISES = (
    Exercise(
        "13.1", "mean_of_parts", "mean over shards of unequal size", mean_of_parts, _mean_cases
    ),
    Exercise(
        "13.2",
        "shard",
        "shard of a process in every minibatch",
        shard,
        _share_cases,
        package=batches.shard,
    ),
    Exercise(
        "13.3",
        "ring_round_back",
        "round of reduce-scatter on a ring in the opposite direction",
        ring_round_back,
        _round_cases,
        package=simulate.ring,
    ),
    Exercise(
        "13.4",
        "ring_bytes",
        "bytes sent by each process of a ring",
        ring_bytes,
        _bytes_cases,
        lists=True,
        package=simulate.ring,
    ),
)
