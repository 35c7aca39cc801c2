"""Mistakes that are easily made in the exercises of chapter 13."""

import numpy as np


def round_back(chunks, k, sent=lambda r, k: r + k, to=-1, keeps=True):
    p = len(chunks)
    after = chunks.copy()
    for r in range(p):
        c, neighbour = sent(r, k) % p, (r + to) % p
        after[neighbour, c] = chunks[r, c] + (chunks[neighbour, c] if keeps else 0)
    return after


def in_place(chunks, k):
    p = len(chunks)
    for r in range(p):
        c = (r + 1 + k) % p
        chunks[r, c] += chunks[(r + 1) % p, c]
    return chunks


def half(p, numbers):
    return np.full(p, 8 * (p - 1) * numbers // p)


def every_chunk_alike(p, numbers):
    return np.full(p, 2 * (p - 1) * (numbers // p) * 8)


WRONG = {
    "13.1": {
        "hides a NaN of a process that had utterances": lambda means, counts: (
            np.nansum(means * counts[:, None], axis=0) / counts.sum()
        ),
        "is the mean of means": lambda means, counts: means.mean(axis=0),
        "lets the mean of nothing in": lambda means, counts: (
            (means * counts[:, None]).sum(axis=0) / counts.sum()
        ),
        "forgets to divide": lambda means, counts: (
            np.where(counts[:, None] > 0, means, 0) * counts[:, None]
        ).sum(axis=0),
        "is the mean of means of those who have any": lambda means, counts: means[counts > 0].mean(
            axis=0
        ),
    },
    "13.2": {
        "makes lists of the minibatches": lambda plan, rank, size: [
            b[rank::size].tolist() for b in plan
        ],
        "cuts blocks": lambda plan, rank, size: [np.array_split(b, size)[rank] for b in plan],
        "drops what does not divide": lambda plan, rank, size: [
            b[: len(b) // size * size][rank::size] for b in plan
        ],
        "deals out whole minibatches": lambda plan, rank, size: plan[rank::size],
        "leaves out minibatches in which it has nothing": lambda plan, rank, size: [
            b[rank::size] for b in plan if len(b) > rank
        ],
    },
    "13.3": {
        "turns as the chapter's ring does": lambda chunks, k: round_back(
            chunks, k, lambda r, k: r - k, to=1
        ),
        "goes left with the chunks of the ring to the right": lambda chunks, k: round_back(
            chunks, k, lambda r, k: r - k
        ),
        "replaces in place of adding": lambda chunks, k: round_back(chunks, k, keeps=False),
        "sends the same chunk in each round": lambda chunks, k: round_back(
            chunks, k, lambda r, k: r
        ),
        "changes what it is given": in_place,
    },
    "13.4": {
        "counts reduce-scatter only": half,
        "forgets that chunks differ in size": every_chunk_alike,
        "is the formula, whatever the chunks": lambda p, numbers: np.full(
            p, 16 * (p - 1) * numbers / p
        ),
        "counts numbers, not bytes": lambda p, numbers: np.full(p, 2 * (p - 1) * numbers // p),
        "is one number for all": lambda p, numbers: 16 * (p - 1) * numbers // p,
    },
}
