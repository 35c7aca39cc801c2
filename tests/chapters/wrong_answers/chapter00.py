"""Mistakes that are easily made in the exercises of chapter 00."""

import difflib
import importlib.util
from itertools import groupby, pairwise

from ds2np.learn.book import FOLDER

_spec = importlib.util.spec_from_file_location("right", FOLDER / "solutions" / "00_ten_minutes.py")
right = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(right)


def drops_blanks_first(path):
    return [symbol for symbol, _ in groupby(s for s in path if s != 0)]


def compares_with_the_next(path):
    return [a for a, b in pairwise(path) if a not in (0, b)]


def rates(refs, hyps, count):
    edits = sum(count(ref, hyp) for ref, hyp in zip(refs, hyps, strict=True))
    return edits / sum(map(len, refs))


def place_by_place(ref, hyp):
    return sum(a != b for a, b in zip(ref, hyp, strict=False)) + abs(len(ref) - len(hyp))


def without_substitutions(ref, hyp):
    pairs = difflib.SequenceMatcher(None, ref, hyp, autojunk=False).get_matching_blocks()
    return len(ref) + len(hyp) - 2 * sum(pair.size for pair in pairs)


def mean_of_rates(refs, hyps):
    each = [right.cer([ref], [hyp]) for ref, hyp in zip(refs, hyps, strict=True)]
    return sum(each) / len(each)


def without_spaces(refs, hyps):
    return right.cer([r.replace(" ", "") for r in refs], [h.replace(" ", "") for h in hyps])


def greedily(ref, hyp):
    i = j = edits = 0
    while i < len(ref) and j < len(hyp):
        if ref[i] == hyp[j]:
            i, j = i + 1, j + 1
            continue
        edits += 1
        if ref[i + 1 : i + 2] == hyp[j]:
            i += 1
        elif hyp[j + 1 : j + 2] == ref[i]:
            j += 1
        else:
            i, j = i + 1, j + 1
    return edits + len(ref) - i + len(hyp) - j


WRONG = {
    "00.1": {
        "drops the blanks first": drops_blanks_first,
        "keeps each symbol once": lambda path: [s for s in dict.fromkeys(path.tolist()) if s],
        "forgets to drop the blanks": lambda path: [symbol for symbol, _ in groupby(path)],
        "forgets to merge": lambda path: path[path != 0],
        "compares with the next frame and loses the last": compares_with_the_next,
        "forgets to return": lambda path: None,
    },
    "00.2": {
        "aligns all texts as one": lambda r, h: (
            right.count_edits("".join(r), "".join(h)) / sum(map(len, r))
        ),
        "walks through both and looks one ahead": lambda r, h: rates(r, h, greedily),
        "strips the texts first": lambda r, h: rates(
            r, h, lambda a, b: right.count_edits(a.strip(), b.strip())
        ),
        "compares place by place": lambda r, h: rates(r, h, place_by_place),
        "an edit of one character for another counts twice": lambda r, h: rates(
            r, h, without_substitutions
        ),
        "the mean of the rates": mean_of_rates,
        "divides by what was written": lambda r, h: (
            sum(map(right.count_edits, r, h)) / max(1, sum(map(len, h)))
        ),
        "leaves out the spaces": without_spaces,
        "no more than everything can be wrong": lambda r, h: min(1.0, right.cer(r, h)),
        "in per cent": lambda r, h: 100 * right.cer(r, h),
    },
}
