"""Solutions of chapter 09, Decoding with language models."""

import numpy as np


def prefix_step(beams, y_t, blank=0):
    """Go on by one frame; return a dict from prefix to (p_b, p_n)."""
    after = {}

    def give(prefix, part, p):
        if p > 0:
            both = after.setdefault(prefix, [0.0, 0.0])
            both[part] += p

    for prefix, (p_b, p_n) in beams.items():
        give(prefix, 0, (p_b + p_n) * y_t[blank])
        for k in range(len(y_t)):
            if k == blank:
                continue
            if prefix and k == prefix[-1]:
                give(prefix, 1, p_n * y_t[k])  # the same symbol, for longer
                give((*prefix, k), 1, p_b * y_t[k])  # a second one, after a blank
            else:
                give((*prefix, k), 1, (p_b + p_n) * y_t[k])
    return {prefix: (float(p_b), float(p_n)) for prefix, (p_b, p_n) in after.items()}


def discounts(counts):
    """Compute the three discounts of modified Kneser-Ney from counts of shape (n-grams,)."""
    n1, n2, n3, n4 = (int((counts == r).sum()) for r in (1, 2, 3, 4))
    if 0 in (n1, n2, n3):
        return 0.5, 1.0, 1.5
    Y = n1 / (n1 + 2 * n2)
    found = 1 - 2 * Y * n2 / n1, 2 - 3 * Y * n3 / n2, 3 - 4 * Y * n4 / n3
    return found if min(found) >= 0 else (0.5, 1.0, 1.5)


def backoff_logp(word, history, logp, backoff):
    """Compute the log10 probability of a word after a history, from the n-grams that are listed."""
    if (word,) not in logp:
        word = "<unk>"
    if (*history, word) in logp:
        return logp[(*history, word)]
    return backoff.get(history, 0.0) + backoff_logp(word, history[1:], logp, backoff)


def best_weights(acoustic, lm, words, edits, alphas, betas):
    """Return the pair (alpha, beta) with the fewest word errors."""
    best, fewest = None, np.inf
    for alpha in alphas:
        for beta in betas:
            chosen = (acoustic + alpha * lm + beta * words).argmax(axis=1)
            errors = edits[np.arange(len(edits)), chosen].sum()
            if errors < fewest:
                best, fewest = (alpha, beta), errors
    return best
