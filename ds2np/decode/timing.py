"""Times and confidences of the words of a text, from its forced alignment."""

import numpy as np

from ds2np.decode.texts import align
from ds2np.decode.words import Word


def time_words(log_probs, lengths, utterances, texts, written, space, frame_seconds):
    """Align texts with their utterances; return a tuple of `Word` for each.

    Parameters
    ----------
    log_probs, lengths, utterances, texts, space
        See `ds2np.decode.texts.exact_log_probs`. A text that no path explains has no words.
    written : list of str
        The texts.
    frame_seconds : float
    """
    places, possible = align(log_probs, lengths, utterances, texts, space)
    timed = [()] * len(texts)
    rows = [i for i, text in enumerate(texts) if text and possible[i]]
    if not rows:
        return timed
    # All symbols of all texts, one after another.
    units = np.concatenate([texts[i] for i in rows])
    sizes = np.array([len(texts[i]) for i in rows])
    begins = np.cumsum(sizes) - sizes
    row, frame = (places[rows] >= 0).nonzero()
    symbol = begins[row] + places[rows][row, frame]  # rising: each follows the one before it
    first = np.searchsorted(symbol, np.arange(len(units)))
    starts = frame[first]
    ends = frame[np.append(first[1:], len(frame)) - 1] + 1
    log_p = log_probs[utterances[rows][row], frame, units[symbol]].astype(np.float64)
    best = np.exp(np.maximum.reduceat(log_p, first))
    # A word begins with a text or after a space, and ends before the next.
    in_word = units != space if space else np.ones(len(units), bool)
    opens, closes = in_word.copy(), in_word.copy()
    opens[1:] &= ~in_word[:-1]
    opens[begins] = True
    closes[:-1] &= ~in_word[1:]
    closes[begins + sizes - 1] = True
    opens, closes = opens.nonzero()[0], closes.nonzero()[0]
    totals = np.add.reduceat(np.where(in_word, best, 0.0), opens)
    confidences = totals / (closes + 1 - opens)
    seconds = (np.round(frames * frame_seconds, 6) for frames in (starts[opens], ends[closes]))
    numbers = zip(*(each.tolist() for each in (*seconds, confidences)), strict=True)
    for i in rows:
        words = written[i].split() if space else [written[i]]
        timed[i] = tuple(Word(word, *next(numbers)) for word in words)
    return timed
