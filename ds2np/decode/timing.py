"""Times and confidences of the words of a text, from its forced alignment."""

import itertools

import numpy as np

from ds2np.decode.texts import align
from ds2np.decode.words import Word


def time_words(log_probs, lengths, utterances, texts, space, find_words, frame_seconds):
    """Align texts with their utterances; return a tuple of `Word` for each.

    Parameters
    ----------
    log_probs, lengths, utterances, texts, space
        See `ds2np.decode.texts.exact_log_probs`. A text that no path explains has no words.
    find_words : callable
        See `Alphabet.find_words`.
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
    # Of each word the first symbol and the one after its last.
    words = [find_words(texts[i]) for i in rows]
    counts = [len(each) for each in words]
    names, opens, closes = zip(*itertools.chain.from_iterable(words), strict=True)
    opens, closes = (np.array(each) + np.repeat(begins, counts) for each in (opens, closes))
    totals = np.add.reduceat(np.append(best, 0.0), np.stack([opens, closes], 1).ravel())[::2]
    confidences = totals / (closes - opens)
    times = (np.round(frames * frame_seconds, 6) for frames in (starts[opens], ends[closes - 1]))
    numbers = zip(names, *(each.tolist() for each in (*times, confidences)), strict=True)
    for i, count in zip(rows, counts, strict=True):
        timed[i] = tuple(Word(*each) for each in itertools.islice(numbers, count))
    return timed
