"""Small language models, their expected values, and plain ways to look into them."""

from pathlib import Path

import numpy as np

ORACLE = Path(__file__).parents[1] / "lm" / "oracle"


def text_of(name="order3"):
    """Return the lines from which oracle/make_lmplz.py made a model."""
    lines = (ORACLE / "text.txt").read_text().splitlines()
    return lines[:3] if name.endswith("short") else lines


def ngrams_of(model):
    """Return {words: (log10 p, back-off)} of a model, with tuples of str."""
    t = model.tables
    words = [(), *((word,) for word in t.words)]
    for key in t.key.tolist():
        words.append((*words[key >> 24], t.words[key & (2**24 - 1)]))
    values = zip(t.logp[1:].tolist(), t.back[1:].tolist(), strict=True)
    return dict(zip(words[1:], values, strict=True))


def read_plainly(text):
    """Return {words: (log10 p, back-off)} of a well-formed ARPA file with single tabs."""
    found = {}
    for line in text.splitlines():
        p, *rest = line.split("\t")
        if rest:
            found[tuple(rest[0].split())] = float(p), float(rest[1]) if len(rest) > 1 else 0.0
    return found


def score_plainly(ngrams, words, context=("<s>",)):
    """Score words by the definition of back-off, from {words: (log10 p, back-off)}."""

    def p(h, w):
        if (*h, w) in ngrams:
            return ngrams[(*h, w)][0]
        return ngrams.get(h, (0, 0.0))[1] + p(h[1:], w)

    known = {gram[0] for gram in ngrams if len(gram) == 1}
    order = max(map(len, ngrams))
    history, scores = tuple(context), []
    for word in [*words, "</s>"]:
        word = word if word in known else "<unk>"
        history = history[max(0, len(history) - order + 1) :]
        scores.append(p(history, word))
        history = (*history, word)
    return np.array(scores)
