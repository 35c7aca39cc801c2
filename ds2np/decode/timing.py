"""Times and confidences of the words of a text, from its forced alignment."""

from itertools import pairwise

import numpy as np

from ds2np.decode.texts import align
from ds2np.decode.words import Word


def time_words(log_probs, lengths, utterances, texts, alphabet, space, frame_seconds):
    """Align texts with their utterances; return a tuple of `Word` for each.

    Parameters are those of `ds2np.decode.texts.align`. A text that no path explains has no words.
    """
    paths = align(log_probs, lengths, utterances, texts, space)
    return [
        tuple(_words(log_probs[n], np.array(text), path, alphabet, space, frame_seconds))
        for n, text, path in zip(utterances, texts, paths, strict=True)
    ]


def _words(log_probs, text, path, alphabet, space, frame_seconds):
    if path is None or not len(text):
        return
    frames = (path >= 0).nonzero()[0]
    places = path[frames]  # rising, as each symbol follows the one before it
    first = np.searchsorted(places, np.arange(len(text)))
    starts = frames[first].tolist()
    ends = (frames[[*(first[1:] - 1), len(frames) - 1]] + 1).tolist()
    best = np.exp(np.maximum.reduceat(log_probs[frames, text[places]].astype(float), first))
    cuts = [-1, *(text == space).nonzero()[0].tolist(), len(text)] if space else [-1, len(text)]
    for before, after in pairwise(cuts):
        word = slice(before + 1, after)
        start, end = (round(t * frame_seconds, 6) for t in (starts[before + 1], ends[after - 1]))
        yield Word(alphabet.decode(text[word].tolist()), start, end, float(best[word].mean()))
