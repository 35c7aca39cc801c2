"""Weights of a language model: the error rate over a grid of them, from one search.

The decoder ranks the texts y of an utterance x by

    Q(y) = ln p(y | x) + alpha ln p_LM(y) + beta words(y)        (the paper, Decoding)

A search with some alpha and beta lists the best texts with the three terms. Other weights rank the
same texts anew: no second search is needed, as long as the best text is among them.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Candidates:
    """The texts that a search found for one utterance.

    Attributes
    ----------
    acoustic : ndarray of shape (K,)
        ln p(y | x) of each text.
    lm : ndarray of shape (K,)
        ln p_LM(y), without weight.
    words : ndarray of shape (K,)
        Number of words.
    edits : ndarray of shape (K,)
        Word errors of each text.
    """

    acoustic: np.ndarray
    lm: np.ndarray
    words: np.ndarray
    edits: np.ndarray


def count_errors(candidates, alphas, betas):
    """Count the word errors of the best texts for each pair of weights.

    Parameters
    ----------
    candidates : sequence of Candidates
        One for each utterance, each with at least one text.
    alphas : ndarray of shape (A,)
    betas : ndarray of shape (B,)

    Returns
    -------
    ndarray of int of shape (A, B)
    """
    alphas, betas = np.asarray(alphas, float), np.asarray(betas, float)
    errors = np.zeros((len(alphas), len(betas)), int)
    for each in candidates:
        # Q = ln p(y | x) + alpha ln p_LM(y) + beta words(y): (A, B, K)
        by_lm = each.acoustic + alphas[:, None] * each.lm  # (A, K)
        scores = by_lm[:, None] + betas[:, None] * each.words
        errors += each.edits[scores.argmax(axis=2)]
    return errors


def choose_weights(errors, alphas, betas):
    """Return the pair (alpha, beta) with the fewest errors.

    Of several with equally few, it is the one nearest to their middle, counted in steps of the
    grid: small changes of the weights cost the least there.

    Parameters
    ----------
    errors : ndarray of shape (A, B)
    alphas : sequence of A floats
    betas : sequence of B floats
    """
    equal = np.argwhere(errors == errors.min())
    middle = equal.mean(axis=0)
    a, b = equal[np.abs(equal - middle).sum(axis=1).argmin()]
    return float(alphas[a]), float(betas[b])


def describe_edge(alpha, beta, alphas, betas):
    """Say in which directions the grid should go on, if a chosen pair lies on its edge; else ""."""
    beyond = []
    for name, value, grid in (("alpha", alpha, alphas), ("beta", beta, betas)):
        if len(grid) > 1 and value in (min(grid), max(grid)):
            if name == "alpha" and value == min(grid) == 0:
                continue  # there is nothing below
            side = "smaller" if value == min(grid) else "larger"
            beyond.append(f"a {side} {name} than {value:g}")
    return " and ".join(beyond)
