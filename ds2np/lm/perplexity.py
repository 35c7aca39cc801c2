"""Perplexity: how many words a model hesitates between, on average."""

from dataclasses import dataclass
from itertools import islice

import numpy as np

from ds2np.errors import UserError
from ds2np.lm.ngram import TOGETHER
from ds2np.lm.tables import UNK


@dataclass(frozen=True)
class Perplexity:
    """What a text looks like to a model.

    The perplexity of N words, the ends of the sentences included, is 10^(-sum log10 p / N).

    Attributes
    ----------
    sentences, words : int
        The ends are not counted as words here.
    unknown : int
        Words that the model does not know.
    perplexity : float
        With the unknown words, each as probable as <unk> where it stands.
    known : float
        Without them; they remain in the contexts of the words after them.
    """

    sentences: int
    words: int
    unknown: int
    perplexity: float
    known: float


def perplexity(model, lines):
    """Measure the perplexity of a text, an iterable of sentences.

    Raises a UserError if there is no word.
    """
    sentences = words = unknown = 0
    total = missed = 0.0
    lines = map(model.cut, lines)
    while cut := list(islice(lines, TOGETHER)):
        for tokens, logp in zip(cut, model.score_all(cut), strict=True):
            strange = np.flatnonzero(model.encode(tokens) == UNK)
            sentences += 1
            words += len(tokens)
            unknown += len(strange)
            total += logp.sum()
            missed += logp[strange].sum()
    if not words:
        raise UserError("there is no word to score; expected text, one sentence a line")
    tokens = words + sentences
    known = 10 ** (-(total - missed) / (tokens - unknown))
    return Perplexity(sentences, words, unknown, float(10 ** (-total / tokens)), float(known))
