"""Pruning: the best `beam` of each utterance among scores in one flat array."""

import numpy as np


def select_best(scores, counts, most):
    """Choose the best scores of each utterance.

    Parameters
    ----------
    scores : ndarray of shape (K,)
        Utterance after utterance.
    counts : ndarray of int of shape (n,)
        How many scores each utterance has.
    most : int
        How many to keep of each. Of equal ones at the limit, those that stand first are kept.

    Returns
    -------
    ndarray of bool of shape (K,)
    """
    keep = np.ones(len(scores), bool)
    begins = np.cumsum(counts) - counts
    full = np.flatnonzero(counts > most)
    if len(full) == 1:
        begin = int(begins[full[0]])
        of_one = scores[begin : begin + int(counts[full[0]])]
        keep[begin : begin + len(of_one)] = _best_of_rows(of_one[None], most)[0]
        return keep
    widths = counts[full]
    rows = np.repeat(np.arange(len(full)), widths)
    columns = np.arange(len(rows)) - np.repeat(np.cumsum(widths) - widths, widths)
    places = columns + np.repeat(begins[full], widths)
    table = np.full((len(full), int(widths.max())), -1.0)  # below every probability
    table[rows, columns] = scores[places]
    keep[places] = _best_of_rows(table, most)[rows, columns]
    return keep


def _best_of_rows(table, most):
    limits = np.sort(table, axis=1)[:, -most]
    good = table >= limits[:, None]
    for row in np.flatnonzero(good.sum(axis=1) > most):
        tied = np.flatnonzero(table[row] == limits[row])
        good[row, tied[len(tied) - (good[row].sum() - most) :]] = False
    return good
