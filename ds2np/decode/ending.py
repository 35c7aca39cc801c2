"""The end of a search: the last word ends, "a" and "a " are one text, the best texts are listed."""

import numpy as np

from ds2np.decode.scorers import WordScorer
from ds2np.decode.search import (
    BLANK,
    ENTER,
    LAST,
    LEX,
    NEXT,
    PARENT,
    PARENT_KEY,
    STATE,
    SYMBOL,
)


def close(whole, real, space, scorer):
    """Return the probability of each beam as a complete text, (M,), times the scorer's factors.

    Parameters
    ----------
    whole, real : ndarray
        Beams as in `Beams`, with parents counted from the first of them.
    space : int
    scorer : Scorer or None
    """
    p = real[BLANK] + real[SYMBOL]
    in_space = (whole[LAST] == space) & (space > 0)
    state = whole[STATE].copy()
    if isinstance(scorer, WordScorer):
        inside = (~in_space).nonzero()[0]
        if len(inside):
            weight, state[inside] = scorer.word_end(whole[LEX][inside], state[inside])
            p[inside] *= weight
    elif scorer:
        # The space at the end vanishes, and so does what it has earned.
        last = (in_space & (whole[PARENT_KEY] != 0)).nonzero()[0]
        last = last[real[ENTER][last] > 0]
        p[last] /= real[ENTER][last]
        state[last] = whole[NEXT][last]
    if scorer:
        p *= scorer.sentence_end(state)
    twice = (in_space & (whole[PARENT] >= 0)).nonzero()[0]
    p[whole[PARENT][twice]] += p[twice]  # a text has one such child
    p[twice] = 0.0
    return p


def list_best(utterances, p, scale, most, least, margin):
    """Find the best texts of each utterance, best first.

    At most `most` of each utterance; after the first `least`, only those whose scores are at most
    `margin` nats below the best.

    Parameters
    ----------
    utterances : ndarray of int of shape (M,)
        The utterance of each beam, rising.
    p : ndarray of shape (M,)
    scale : ndarray of shape (N,)

    Returns
    -------
    rows : ndarray of int
        Beams.
    scores : ndarray of float64
        Natural logarithms.
    """
    rows = np.lexsort((-p, utterances))
    p, begins = p[rows], np.searchsorted(utterances, np.arange(len(scale)))
    place = np.arange(len(p)) - begins[utterances]
    near = p >= p[begins[utterances]] * np.exp(-margin)
    good = (place < most) & (near | (place < least)) & (p > 0)
    return rows[good], np.log(p[good]) + scale[utterances[good]]
