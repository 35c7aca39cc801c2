"""Weights of a language model: the error rate over a grid of them, from one search.

The decoder ranks the texts y of an utterance x by

    Q(y) = ln p(y | x) + alpha ln p_LM(y) + beta words(y)        (the paper, Decoding)

A search with some alpha and beta lists the best texts with the three terms. Other weights rank the
same texts anew: no second search is needed, as long as the best text is among them. So one more
search, with the weights that were found, asks whether it was.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.text.score import align_characters, align_words, count_edits

MOST = 50  # texts that a search lists for each utterance
TOGETHER = 1 << 27  # log-probabilities of the utterances that are searched at once: 0.5 GB
ROUNDS = 4  # of search and ranking


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


def rank_pairs(candidates, alphas, betas):
    """Return the word errors for each pair of weights, and the best pair (alpha, beta).

    The arguments are those of `count_errors`, the pair is that of `choose_weights`.
    """
    errors = count_errors(candidates, alphas, betas)
    return errors, choose_weights(errors, alphas, betas)


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


@dataclass(frozen=True)
class Tuned:
    """The outcome of `tune`.

    Attributes
    ----------
    alpha, beta : float
        The best pair.
    errors : ndarray of int of shape (A, B)
        Word errors for each pair of the grid.
    found : int
        Word errors of a search with the best pair.
    spaces : bool
        Whether words are counted; else characters are, of a script without spaces.
    """

    alpha: float
    beta: float
    errors: np.ndarray
    found: int
    spaces: bool


def tune(log_probs, lengths, refs, make, alphas, betas, progress=None):
    """Find the weights with the fewest errors on a grid.

    Pairs far from all that were searched are counted as better than they are: a search with them
    would find worse texts, which are not listed. The chosen pair has been searched.

    Parameters
    ----------
    log_probs : ndarray of shape (N, T, V), or list of N ndarray of shape (length, V)
    lengths : ndarray of int of shape (N,)
    refs : sequence of N str
    make : callable
        Makes a `BeamDecoder`: it takes alpha, beta and n_best.
    alphas, betas : sequence of float
    progress : callable, optional
        Called after each search.

    Returns
    -------
    Tuned
    """
    only_lm, only_words = make(1.0, 0.0, 1), make(0.0, 1.0, 1)  # whose scores are the two terms
    by_lm, by_words, spaces = only_lm.scorer, only_words.scorer, only_lm.alphabet.has_spaces
    known = [{} for _ in refs]  # of each utterance: text -> ln p(y | x)
    pair = float(np.median(alphas)), float(np.median(betas))
    searched = set()
    while True:
        hypotheses = search(make(*pair, MOST).decode, log_probs, lengths)
        searched.add(pair)
        if progress:
            progress()
        for texts, listed in zip(known, hypotheses, strict=True):
            texts.update({one.text: one.acoustic for one in listed})
        best = [listed[0].text for listed in hypotheses]
        found = int(_count_edits(refs, best, spaces).sum())
        candidates = _rank(known, refs, by_lm, by_words, spaces)
        errors, chosen = rank_pairs(candidates, alphas, betas)
        if chosen == pair or chosen in searched or len(searched) == ROUNDS:
            break
        pair = chosen
    if chosen != pair:
        best = [listed[0].text for listed in search(make(*chosen, 1).decode, log_probs, lengths)]
        found = int(_count_edits(refs, best, spaces).sum())
    return Tuned(*chosen, errors, found, spaces)


def search(decode, log_probs, lengths):
    """Decode utterances of similar length together, so many that they fit into memory.

    The result is that of ``decode(log_probs, lengths)``, but ``log_probs`` may be a list of N
    arrays of shape (length, V), which need no padding.
    """
    found = [None] * len(lengths)
    waiting = np.argsort(lengths, kind="stable").tolist()
    while waiting:
        T, V = int(lengths[waiting[-1]]), log_probs[waiting[-1]].shape[-1]
        count = max(1, TOGETHER // max(1, T * V))
        together, waiting = waiting[-count:], waiting[:-count]
        batch = np.zeros((len(together), T, V), log_probs[together[0]].dtype)
        for row, i in zip(batch, together, strict=True):
            row[: lengths[i]] = log_probs[i][: lengths[i]]
        hypotheses = decode(batch, np.asarray(lengths)[together])
        for i, listed in zip(together, hypotheses, strict=True):
            found[i] = listed
    return found


def _rank(known, refs, by_lm, by_words, spaces):
    """Collect what ranks the texts of each utterance."""
    texts = [text for listed in known for text in listed]
    ends = np.cumsum([len(listed) for listed in known])[:-1]
    said = [ref for ref, listed in zip(refs, known, strict=True) for _ in listed]
    columns = (
        np.array([acoustic for listed in known for acoustic in listed.values()]),
        by_lm.score_texts(texts),
        by_words.score_texts(texts),
        _count_edits(said, texts, spaces),
    )
    parts = (np.split(column, ends) for column in columns)
    return [Candidates(*rows) for rows in zip(*parts, strict=True)]


def _count_edits(refs, hyps, spaces):
    """Count the errors of each text: of words, or of characters where there are no spaces."""
    align = align_words if spaces else align_characters
    return np.array([count_edits([pair]).total for pair in align(refs, hyps)])
