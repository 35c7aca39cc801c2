"""Turn lists of n-grams, as files have them, into the tables of a model.

Pruned models of other programs may have an n-gram without its context: "a b c" without "a b". Such
a context is added, with the probability that backing off gives it and no back-off weight: this
changes no score.
"""

import itertools

import numpy as np

from ds2np.lm.tables import (
    BLOCK,
    Tables,
    add_back_offs,
    check_size,
    find,
    find_longest,
    link_states,
    link_suffixes,
    make_keys,
)


class Duplicate(Exception):
    """An n-gram that is there twice: its order, and its words as an array of int."""

    def __init__(self, order, words):
        super().__init__(order, words)
        self.order, self.words = order, words


def build(words, grams, logp, back, units, space):
    """Make the tables of a model from n-grams in any order.

    Parameters
    ----------
    words : list of str
    grams : list of ndarray of int of shape (count, n)
        The words of the n-grams of each order. Those of order 1 are all words, in the order of
        their numbers. This list and the next two are emptied, to save memory.
    logp, back : list of ndarray of float32 of shape (count,)
    units, space : str

    Returns
    -------
    Tables

    Raises
    ------
    Duplicate
    """
    check_size(len(words), sum(map(len, logp)))
    found = _sort(grams)
    if found is None:
        _add_contexts(grams, logp, back)
        found = _sort(grams)
    grams.clear()
    key, orders = found
    starts = np.cumsum([1, *map(len, logp)])
    logp, back = _in_order(logp, orders, starts), _in_order(back, orders, starts)
    del found, orders
    suffix = link_suffixes(key, starts)
    _fill_contexts(key, starts, logp, back, suffix)
    state = link_states(key, starts, back, suffix)
    return Tables(words, starts, key, logp, back, suffix, state, units, space)


def _sort(grams):
    """Return the sorted keys, and how to sort each order; None if a context is no n-gram."""
    first, done = 1 + len(grams[0]), 0
    key, orders = np.empty(sum(map(len, grams[1:])), np.uint64), [slice(None)]
    for n, columns in enumerate(grams[1:], start=2):
        keys = np.empty(len(columns), np.uint64)
        for at in range(0, len(columns), BLOCK):
            part = columns[at : at + BLOCK]
            context = part[:, 0].astype(np.int64) + 1
            for column in part.T[1:-1]:
                context = find(key[:done], first, context, column)
                if (context < 0).any():
                    return None
            keys[at : at + BLOCK] = make_keys(context, part[:, -1])
        by_key = np.argsort(keys)
        keys = keys[by_key]
        for twice in np.flatnonzero(keys[1:] == keys[:-1])[:1]:
            raise Duplicate(n, columns[by_key[twice]])
        key[done : done + len(keys)] = keys
        done += len(keys)
        orders.append(by_key.astype(np.int32))
    return key, orders


def _in_order(values, orders, starts):
    """Sort the values of all orders, behind a 0 for the empty context; empties the list."""
    whole = np.zeros(starts[-1], np.float32)
    for by_key, start in zip(orders, starts, strict=False):
        part = values.pop(0)[by_key]
        whole[start : start + len(part)] = part
    return whole


def _add_contexts(grams, logp, back):
    """Add the contexts that are no n-grams, with NaN for their probability."""
    for n in range(len(grams) - 1, 1, -1):  # those added to an order need contexts, too
        has, needs = _rows(grams[n - 1]), _rows(grams[n][:, :-1])
        missing = np.setdiff1d(needs, has)
        if len(missing):
            added = missing.view(grams[n].dtype).reshape(-1, n)
            grams[n - 1] = np.concatenate([grams[n - 1], added])
            none = np.full(len(added), np.nan, np.float32)
            logp[n - 1] = np.concatenate([logp[n - 1], none])
            back[n - 1] = np.concatenate([back[n - 1], np.zeros_like(none)])


def _rows(columns):
    """View each row of an array as one value that can be compared."""
    columns = np.ascontiguousarray(columns)
    return columns.view(f"V{columns.itemsize * columns.shape[1]}")[:, 0]


def _fill_contexts(key, starts, logp, back, suffix):
    """Give the contexts that were added the probability that backing off gives them."""
    first = starts[1]
    for start, end in itertools.pairwise(starts[1:]):
        added = start + np.flatnonzero(np.isnan(logp[start:end]))
        context = (key[added - first] >> np.uint64(24)).astype(np.int64)
        word = (key[added - first] & np.uint64(2**24 - 1)).astype(np.int64)
        found, left = find_longest(key, first, suffix, suffix[context], word)
        backed = logp[found]
        add_back_offs(backed, left, back)
        logp[added] = back[context] + backed
