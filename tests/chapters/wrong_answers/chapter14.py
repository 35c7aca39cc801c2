"""What a reader of chapter 14 may well write instead."""

from collections import Counter

import numpy as np


def cut(text, known, step=2, spaces=True, unknown="letters", start="left"):
    """Cut a text, with a mistake."""
    symbols = []
    for i, word in enumerate(text.split(" ")):
        if i and spaces:
            symbols.append(" ")
        first = len(word) % 2 if start == "right" else 0
        if first:
            symbols.append(word[0])
        for place in range(first, len(word), step):
            pair = word[place : place + 2]
            if pair in known or unknown == "kept":
                symbols.append(pair)
            elif unknown == "letters":
                symbols += pair
            elif unknown == "first":
                symbols.append(pair[0])
    return symbols


def wrongly(**mistake):
    return lambda text, known: cut(text, known, **mistake)


def wherever_a_pair_is_known(text, known):
    symbols, i = [], 0
    while i < len(text):
        size = 2 if text[i : i + 2] in known else 1
        symbols.append(text[i : i + size])
        i += size
    return symbols


def across_spaces(text, known):
    pairs = [text[i : i + 2] for i in range(0, len(text), 2)]
    return [symbol for pair in pairs for symbol in ([pair] if pair in known else pair)]


def without_single_letters(text, known):
    return [symbol for symbol in cut(text, known) if len(symbol) == 2 or symbol == " "]


def needed(labels):
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def by_trying(labels, frames, count=needed, left=lambda T, s: -(-T // s), least=1):
    """Try all strides, with a mistake."""
    fitting = [s for s in range(least, frames + 1) if left(frames, s) >= count(labels)]
    return max(fitting, default=0)


def stride(**mistake):
    return lambda labels, frames: by_trying(labels, frames, **mistake)


def choose(texts, most, key=lambda c, counts: (-counts[c], c), order=sorted, left_out=None):
    """Choose characters, with a mistake."""
    counts = Counter("".join(texts))
    ranked = sorted(counts, key=lambda c: key(c, counts))
    kept = ranked[:most]
    lost = counts.total() - sum(counts[c] for c in kept)
    return tuple(order(kept)), left_out(ranked, kept, counts, texts) if left_out else lost


def chosen(**mistake):
    return lambda texts, most: choose(texts, most, **mistake)


def of_python(texts, most):
    counts = Counter("".join(texts))
    kept = [character for character, _ in counts.most_common(most)]
    return tuple(sorted(kept)), counts.total() - sum(counts[c] for c in kept)


def move(pitch, centre, mean=None, voiced=True, by=None):
    """Move a pitch, with a mistake."""
    moved = np.zeros(len(pitch))
    where = pitch > 0 if voiced else np.full(len(pitch), True)
    if where.any():
        middle = mean(pitch[where]) if mean else np.exp(np.log(pitch[where]).mean())
        moved[where] = by(pitch[where], middle, centre) if by else pitch[where] * centre / middle
    return moved


def moved(**mistake):
    return lambda pitch, centre: move(pitch, centre, **mistake)


WRONG = {
    "14.1": {
        "pairs overlap": wrongly(step=1),
        "spaces are lost": wrongly(spaces=False),
        "unknown pairs are kept": wrongly(unknown="kept"),
        "unknown pairs are left out": wrongly(unknown="none"),
        "of unknown pairs one letter": wrongly(unknown="first"),
        "from the right": wrongly(start="right"),
        "wherever a pair is known": wherever_a_pair_is_known,
        "pairs with spaces": across_spaces,
        "single letters are lost": without_single_letters,
        "a text": lambda text, known: "".join(cut(text, known)),
    },
    "14.2": {
        "without repeats": stride(count=len),
        "one frame more for each repeat": stride(count=lambda x: 2 * needed(x) - len(x)),
        "repeats anywhere": stride(count=lambda x: 2 * len(x) - len(set(x.tolist()))),
        "the rest is lost": stride(left=lambda T, s: T // s),
        "a frame more": stride(left=lambda T, s: T // s + 1),
        "more than needed": stride(count=lambda x: needed(x) + 1),
        "blanks everywhere": stride(count=lambda x: 2 * len(x) + 1),
        "the quotient": lambda labels, frames: frames // max(needed(labels), 1),
        "the quotient as a float": lambda labels, frames: frames / max(needed(labels), 1),
        "at least 1": lambda labels, frames: max(by_trying(labels, frames), 1),
        "no limit": lambda labels, frames: by_trying(labels, 4 * frames),
    },
    "14.3": {
        "the most frequent first": chosen(order=list),
        "ties as they come": of_python,
        "ties from the end": chosen(key=lambda c, n: (-n[c], -ord(c))),
        "the rarest": chosen(key=lambda c, n: (n[c], c)),
        "the first in order": chosen(key=lambda c, n: c),
        "characters left out, not occurrences": chosen(
            left_out=lambda ranked, kept, n, texts: len(ranked) - len(kept)
        ),
        "texts left out": chosen(
            left_out=lambda ranked, kept, n, texts: sum(bool(set(t) - set(kept)) for t in texts)
        ),
        "occurrences kept": chosen(
            left_out=lambda ranked, kept, n, texts: sum(map(n.__getitem__, kept))
        ),
        "texts that have a character": lambda texts, most: choose(
            ["".join(set(text)) for text in texts], most
        ),
        "folds upper case": lambda texts, most: choose([t.lower() for t in texts], most),
        "without spaces": lambda texts, most: choose([t.replace(" ", "") for t in texts], most),
        "the characters alone": lambda texts, most: choose(texts, most)[0],
    },
    "14.4": {
        "a difference in hertz": moved(by=lambda p, mean, centre: p + centre - mean),
        "the arithmetic mean": moved(mean=np.mean),
        "the median": moved(mean=np.median),
        "the first frame": moved(mean=lambda p: p[0]),
        "frames without a voice count": moved(voiced=False, mean=np.mean),
        "a flat pitch": moved(by=lambda p, mean, centre: centre),
        "the wrong way": moved(by=lambda p, mean, centre: p * mean / centre),
        "upside down": moved(by=lambda p, mean, centre: centre * mean / p),
        "twice as much": moved(by=lambda p, mean, centre: centre * (p / mean) ** 2),
        "only the ratio": moved(by=lambda p, mean, centre: p / mean),
        "octaves": moved(by=lambda p, mean, centre: np.log2(p / mean)),
    },
}
