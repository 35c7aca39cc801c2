"""Interpolated modified Kneser-Ney (Chen and Goodman, 1998): from counts to probabilities.

With adjusted counts a (see `ds2np.lm.counts.adjust`), a discount D(a) that depends on the count and
h' for the context h without its first word,

    p(w | h) = (a(h w) - D(a(h w))) / sum_v a(h v)  +  gamma(h) p(w | h'),
    gamma(h) = sum_v D(a(h v)) / sum_v a(h v).

What the seen words give up is shared out by the order below, and the unigrams share with the
uniform distribution. N-grams that are pruned give up everything: in gamma(h), D = a for them. The
results agree with those of lmplz, KenLM's program, which works out of memory where this does not.
"""

import numpy as np

from ds2np.errors import UserError, check_whole
from ds2np.lm.counts import adjust, count, read_text
from ds2np.lm.tables import BOS, LEAST, Tables, check_size, link_states, make_keys
from ds2np.lm.units import check_units

FALLBACK = (0.5, 1.0, 1.5)  # discounts of counts 1, 2 and from 3 where a text is too small for them


def discounts(adjusted):
    """Estimate the discounts of an order.

    With n_j the number of n-grams of adjusted count j and Y = n_1 / (n_1 + 2 n_2),

        D(1) = 1 - 2 Y n_2 / n_1,   D(2) = 2 - 3 Y n_3 / n_2,   D(3 and more) = 3 - 4 Y n_4 / n_3.

    Parameters
    ----------
    adjusted : ndarray of int of shape (M,)

    Returns
    -------
    D : ndarray of float64 of shape (4,)
        The discounts of counts 0, 1, 2, and 3 and more.
    reason : str
        Why they are `FALLBACK`; "" if they are estimated.
    """
    n = np.bincount(np.minimum(adjusted, 5), minlength=6)[:5].astype(float)
    for j in (1, 2, 3):
        if n[j] == 0:
            return np.array([0, *FALLBACK]), f"no n-gram has the count {j}"
    Y = n[1] / (n[1] + 2 * n[2])
    D = np.array([0.0] + [j - (j + 1) * Y * n[j + 1] / n[j] for j in (1, 2, 3)])
    for j in (1, 2, 3):
        if not 0 <= D[j] <= j:
            return np.array([0, *FALLBACK]), f"the discount of the count {j} would be {D[j]:.2f}"
    return D, ""


def estimate(lines, order, prune, units, space, log):
    """Estimate a model from text; the parameters are those of `NGram.train`.

    Returns
    -------
    Tables
    """
    check_whole("order", order)
    check_units(units, space)
    prune = check_prune(prune, order)
    words, text = read_text(lines, units, space)
    orders = count(text, len(words), order)
    adjust(orders)
    keep = [counts.raw > least for counts, least in zip(orders, prune, strict=True)]
    keep[0][:] = True
    D = []
    for n, counts in enumerate(orders, start=1):
        found, reason = discounts(counts.adjusted)
        D.append(found)
        if reason and log:
            log(
                f"order {n}: {reason}, so the discounts cannot be estimated; used "
                f"{', '.join(f'{d:g}' for d in FALLBACK)} instead"
            )
    p, gamma = interpolate(orders, keep, D)
    return to_tables(words, orders, keep, p, gamma, units, space)


def check_prune(prune, order):
    """Return a threshold for each order; raise a UserError unless they make sense.

    If one order were pruned more than the one above, n-grams would lose their contexts.
    """
    prune = list(prune) or [0]
    given = " ".join(map(str, prune))
    for threshold in prune:
        check_whole("prune", threshold, 0)
    if len(prune) > order:
        raise UserError(f"prune {given}: {len(prune)} thresholds, but the order is only {order}")
    if prune[0] != 0:
        raise UserError(f"prune {given}: the first is for single words, which stay; expected 0")
    if prune != sorted(prune):
        raise UserError(f"prune {given}: a threshold is lower than the one before it")
    return prune + prune[-1:] * (order - len(prune))


def interpolate(orders, keep, D):
    """Compute probabilities and back-off weights, from the lowest order up.

    Parameters
    ----------
    orders : list of Order
    keep : list of ndarray of bool
        Which n-grams of each order are not pruned.
    D : list of ndarray of shape (4,)
        From `discounts`.

    Returns
    -------
    p, gamma : list of ndarray of float64
        Of each n-gram of each order; gamma is 1 for contexts without continuation.
    """
    a = orders[0].adjusted
    taken = D[0][np.minimum(a, 3)]
    share = taken.sum() / a.sum() / (len(a) - 1)  # <unk> has a share, <s> has none
    probability = (a - taken) / a.sum() + share
    probability[BOS] = 1.0
    p, gamma = [probability], []
    for below, this, kept, discount in zip(orders, orders[1:], keep[1:], D[1:], strict=False):
        a, h = this.adjusted, this.context
        taken = discount[np.minimum(a, 3)]
        total = np.bincount(h, a, minlength=len(below.raw))
        free = np.bincount(h, np.where(kept, taken, a), minlength=len(below.raw))
        weight = np.divide(free, total, out=np.ones(len(total)), where=total > 0)
        p.append((a - taken) / total[h] + weight[h] * p[-1][this.suffix])
        gamma.append(weight)
    gamma.append(np.ones(len(p[-1])))
    return p, gamma


def to_tables(words, orders, keep, p, gamma, units, space):
    """Give the n-grams that are kept their numbers, and take logarithms."""
    sizes = [np.count_nonzero(kept) for kept in keep]
    starts = np.cumsum([1, *sizes])
    check_size(len(words), int(starts[-1]) - 1)
    number, keys, suffix = None, [np.empty(0, np.uint64)], [np.zeros(1 + len(words), np.int32)]
    for counts, kept, start in zip(orders, keep, starts, strict=False):
        if number is not None:
            keys.append(make_keys(number[counts.context[kept]], counts.word[kept]))
            suffix.append(number[counts.suffix[kept]])
        number = (np.cumsum(kept) + (start - 1)).astype(np.int32)  # of those kept
    key, suffix = np.concatenate(keys), np.concatenate(suffix)
    logp, back = (_log10(values, keep) for values in (p, gamma))
    state = link_states(key, starts, back, suffix)
    space = space if units == "characters" else ""
    return Tables(words, starts, key, logp, back, suffix, state, units, space)


def _log10(values, keep):
    """Take logarithms of those kept in all orders, behind a 0 for the empty context."""
    kept = [v[k] for v, k in zip(values, keep, strict=True)]
    with np.errstate(divide="ignore"):
        logs = np.log10(np.concatenate([[1.0], *kept]))
    return np.maximum(logs, LEAST).astype(np.float32)
