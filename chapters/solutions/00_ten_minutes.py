"""Solutions of the exercises of chapter 00, a recogniser in ten minutes."""

import numpy as np


def collapse(path):
    """Keep each symbol that differs from the one before it and is no blank: (L,)."""
    before = 0
    labels = []
    for symbol in path:
        if symbol != before and symbol != 0:
            labels.append(int(symbol))
        before = symbol  # blanks, too: they keep equal symbols apart
    return np.array(labels, int)


def count_edits(ref, hyp):
    """Count the fewest edits that turn one text into the other."""
    above = list(range(len(hyp) + 1))  # from no character at all: all of hyp is inserted
    for i, said in enumerate(ref, start=1):
        row = [i]  # to no character at all: all of them are deleted
        for j, written in enumerate(hyp, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (said != written)))
        above = row
    return above[-1]


def cer(refs, hyps):
    """Divide the edits of all texts by the characters of all references."""
    edits = sum(count_edits(ref, hyp) for ref, hyp in zip(refs, hyps, strict=True))
    return edits / sum(len(ref) for ref in refs)
