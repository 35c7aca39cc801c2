"""Greedy decoding: the best symbol of each frame, repeats merged, blanks dropped.

Chapter 00 introduces it, and it is an exercise in chapter 07.
"""

import math
from itertools import groupby

from ds2np.backend import to_cpu
from ds2np.decode.words import Hypothesis, Word


def collapse(path):
    """Merge repeats, then drop blanks (0): "aa-bb-b" becomes "abb". This is the map B of CTC."""
    before = 0
    labels = []
    for symbol in path:
        if symbol not in (0, before):
            labels.append(int(symbol))
        before = symbol
    return labels


def best_paths(log_probs, lengths):
    """Find the most probable symbol of each frame that is not padding.

    log_probs (N, T, V) may also be logits: only the order of the symbols matters.
    """
    paths = to_cpu(log_probs.argmax(axis=2)).tolist()  # Python ints are faster to loop over
    return [path[:length] for path, length in zip(paths, lengths, strict=True)]


def read_path(path, alphabet):
    """Convert a path, one symbol per frame, to text with single spaces."""
    return alphabet.join(alphabet.split(alphabet.decode(collapse(path))))


def greedy_decode(log_probs, lengths, alphabet):
    """Transcribe a batch (N, T, V) by the most probable symbol of each frame; see `best_paths`."""
    return [read_path(path, alphabet) for path in best_paths(log_probs, lengths)]


class GreedyDecoder:
    """Decoder that returns the best path of each utterance.

    Parameters
    ----------
    alphabet : Alphabet
    frame_seconds : float
        From one output frame to the next; with 1, word times are in frames.
    """

    def __init__(self, alphabet, frame_seconds=1.0):
        self.alphabet, self.frame_seconds = alphabet, frame_seconds

    def decode(self, log_probs, lengths):
        """Return a list with one `Hypothesis` for each utterance of a batch (N, T, V).

        Its score is the log-probability of the best path.
        """
        texts = greedy_decode(log_probs, lengths, self.alphabet)
        maxima = to_cpu(log_probs.max(axis=2)).tolist()
        hypotheses = []
        for text, path, best in zip(texts, best_paths(log_probs, lengths), maxima, strict=True):
            score = math.fsum(best[: len(path)])
            words = tuple(self._words(path, best))
            hypotheses.append([Hypothesis(text, score, score, 0.0, words)])
        return hypotheses

    def _words(self, path, best):
        """Group the symbols of a path into words, with times and confidences."""
        symbols, frame = [], 0
        for symbol, repeats in groupby(path):
            start, frame = frame, frame + len(list(repeats))
            if symbol != self.alphabet.blank:
                symbols.append((symbol, start, frame, math.exp(max(best[start:frame]))))
        for separated, word in groupby(symbols, key=lambda each: self.alphabet.separates(each[0])):
            if not separated:
                numbers, starts, ends, confidences = zip(*word, strict=True)
                start, end = (round(t * self.frame_seconds, 6) for t in (starts[0], ends[-1]))
                confidence = sum(confidences) / len(confidences)
                yield Word(self.alphabet.decode(numbers), start, end, confidence)
