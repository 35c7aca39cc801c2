"""What a reader of chapter 09 may well write instead."""

import numpy as np


def step(beams, y_t, blank=0, repeat="split", last="both", merge=True, empty=True, keep=True):
    """Go on by one frame, with a mistake."""
    after = {}

    def give(prefix, part, p):
        if p > 0:
            both = after.setdefault(prefix, [0.0, 0.0])
            both[part] = both[part] + p if merge else p

    for prefix, (p_b, p_n) in beams.items():
        both = p_b + p_n if last == "both" else p_n
        if keep:
            give(prefix, 0, both * y_t[blank])
        for k in range(len(y_t)):
            if k == blank:
                continue
            if (prefix or not empty) and prefix[-1:] == (k,) and repeat != "new":
                if repeat in ("split", "stay"):
                    give(prefix, 1, (p_n if repeat == "split" else p_b + p_n) * y_t[k])
                if repeat in ("split", "longer"):
                    give((*prefix, k), 1, (p_b if repeat == "split" else p_b + p_n) * y_t[k])
                if repeat == "swapped":
                    give(prefix, 1, p_b * y_t[k])
                    give((*prefix, k), 1, p_n * y_t[k])
            else:
                give((*prefix, k), 1, (p_b + p_n) * y_t[k])
    return {prefix: tuple(both) for prefix, both in after.items()}


def with_mistake(**mistake):
    return lambda beams, y_t, blank=0: step(beams, y_t, blank, **mistake)


def blank_is_zero(beams, y_t, blank=0):
    return step(beams, y_t, 0)


def blank_part_is_carried(beams, y_t, blank=0):
    after = step(beams, y_t, blank)
    return {p: (b + beams.get(p, (0, 0))[0], n) for p, (b, n) in after.items()}


def normalised(beams, y_t, blank=0):
    after = step(beams, y_t, blank)
    total = sum(map(sum, after.values()))
    return {p: (b / total, n / total) for p, (b, n) in after.items()}


def loses_what_was_there(beams, y_t, blank=0):
    return {p: both for p, both in step(beams, y_t, blank).items() if p not in beams}


def in_logarithms(beams, y_t, blank=0):
    with np.errstate(divide="ignore"):
        return {p: tuple(np.log(both)) for p, both in step(beams, y_t, blank).items()}


def three(
    counts, least=1, scale=(2, 3, 4), Y=None, guard=True, range_guard=True, fallback=(0.5, 1, 1.5)
):
    """Compute the discounts, with a mistake."""
    n = [int((counts == r).sum()) for r in range(least, least + 4)]
    if guard and 0 in n[:3]:
        return fallback
    with np.errstate(all="ignore"):
        n1, n2, n3, n4 = map(np.float64, n)
        y = n1 / (n1 + 2 * n2) if Y is None else Y(n1, n2)
        found = tuple(
            r - s * y * above / below
            for r, s, above, below in zip((1, 2, 3), scale, (n2, n3, n4), (n1, n2, n3), strict=True)
        )
    if range_guard and not all(0 <= D <= r for r, D in zip((1, 2, 3), found, strict=True)):
        return fallback
    return found


def backs_off(word, history, logp, backoff, **mistake):
    """Back off, with a mistake."""
    if (word,) not in logp and "unknown" not in mistake:
        word = "<unk>"
    paid = 0.0
    for _ in range(20):
        if (*history, word) in logp:
            return paid + logp[(*history, word)]
        weight = backoff.get(history, mistake.get("absent", 0.0))
        paid += 0.0 if "free" in mistake else weight
        if "once" in mistake:
            history = ()
        elif "from the end" in mistake:
            history = history[:-1]
        else:
            history = history[1:]
    return -99.0


def wrongly(**mistake):
    return lambda *given: backs_off(*given, **mistake)


def as_factor(word, history, logp, backoff):
    right = backs_off(word, history, logp, backoff)
    return right if (*history, word) in logp else right * 1.5


def natural(word, history, logp, backoff):
    return backs_off(word, history, logp, backoff) * np.log(10)


def shortest_first(word, history, logp, backoff):
    return logp.get((word,), logp[("<unk>",)])


def unknown_costs_more(word, history, logp, backoff):
    return backs_off(word, history, logp, backoff) - (10.0 if (word,) not in logp else 0.0)


def weights(acoustic, lm, words, edits, alphas, betas, rank=None, better=None, count=None):
    """Search the grid, with a mistake."""
    best, fewest = None, np.inf
    for alpha in alphas:
        for beta in betas:
            q = (
                rank(acoustic, lm, words, alpha, beta)
                if rank
                else acoustic + alpha * lm + beta * words
            )
            chosen = q.argmax(axis=1)
            errors = edits[np.arange(len(edits)), chosen]
            errors = count(errors, edits) if count else errors.sum()
            if errors <= fewest if better else errors < fewest:
                best, fewest = (alpha, beta), errors
    return best


def searched(**mistake):
    return lambda *given: weights(*given, **mistake)


def last_of_equal_candidates(acoustic, lm, words, edits, alphas, betas):
    turned = (a[:, ::-1] for a in (acoustic, lm, words, edits))
    return weights(*turned, alphas, betas)


def betas_first(acoustic, lm, words, edits, alphas, betas):
    best, fewest = None, np.inf
    for beta in betas:
        for alpha in alphas:
            chosen = (acoustic + alpha * lm + beta * words).argmax(axis=1)
            errors = edits[np.arange(len(edits)), chosen].sum()
            if errors < fewest:
                best, fewest = (alpha, beta), errors
    return best


def one_after_the_other(acoustic, lm, words, edits, alphas, betas):
    alpha, _ = weights(acoustic, lm, words, edits, alphas, betas[:1])
    _, beta = weights(acoustic, lm, words, edits, [alpha], betas)
    return alpha, beta


WRONG = {
    "09.1": {
        "the same symbol never makes a second one": with_mistake(repeat="stay"),
        "the same symbol always makes a second one": with_mistake(repeat="longer"),
        "no case for the same symbol": with_mistake(repeat="new"),
        "the two cases of the same symbol are swapped": with_mistake(repeat="swapped"),
        "a blank after a blank is forgotten": with_mistake(last="n"),
        "what two prefixes give is not added up": with_mistake(merge=False),
        "the prefix itself is forgotten": with_mistake(keep=False),
        "the blank is 0": blank_is_zero,
        "the old p_b stays": blank_part_is_carried,
        "normalised": normalised,
        "loses the prefixes that were there": loses_what_was_there,
        "logarithms": in_logarithms,
    },
    "09.2": {
        "counts from 0": lambda c: three(c, least=0),
        "one formula for all": lambda c: three(c, scale=(2, 2, 2)),
        "factors one too low": lambda c: three(c, scale=(1, 2, 3)),
        "Y without the 2": lambda c: three(c, Y=lambda n1, n2: n1 / (n1 + n2)),
        "Y of 1": lambda c: three(c, Y=lambda n1, n2: 1.0),
        "no care for zeros": lambda c: three(c, guard=False, range_guard=False),
        "no care for discounts out of range": lambda c: three(c, range_guard=False),
        "another fallback": lambda c: three(c, fallback=(0.75, 0.75, 0.75)),
        "a fallback of nothing": lambda c: three(c, fallback=(0.0, 0.0, 0.0)),
        "one number": lambda c: three(c)[0],
    },
    "09.3": {
        "back-off is free": wrongly(free=True),
        "one step, then without history": wrongly(once=True),
        "drops the last word of the history": wrongly(**{"from the end": True}),
        "an absent history costs": wrongly(absent=-1.0),
        "unknown words are not looked up": wrongly(unknown=True),
        "natural logarithms": natural,
        "a factor more": as_factor,
        "without any history": shortest_first,
        "unknown words cost more": unknown_costs_more,
        "not logarithms": lambda *given: 10 ** backs_off(*given),
    },
    "09.4": {
        "the last of equal pairs": searched(better="equal"),
        "beta with the wrong sign": searched(rank=lambda a, m, w, x, y: a + x * m - y * w),
        "alpha of the network": searched(rank=lambda a, m, w, x, y: x * a + m + y * w),
        "no words": searched(rank=lambda a, m, w, x, y: a + x * m),
        "no language model": searched(rank=lambda a, m, w, x, y: a + y * w),
        "the smallest Q": searched(rank=lambda a, m, w, x, y: -(a + x * m + y * w)),
        "the most errors": searched(count=lambda errors, edits: -errors.sum()),
        "sentences, not words": searched(count=lambda errors, edits: (errors > 0).sum()),
        "the last of equal candidates": last_of_equal_candidates,
        "beta in the outer loop": betas_first,
        "one weight after the other": one_after_the_other,
        "alpha and beta swapped": lambda *given: weights(*given)[::-1],
    },
}
