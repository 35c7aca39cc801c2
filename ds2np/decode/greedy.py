"""Greedy decoding: the best symbol of each frame, repeats merged, blanks dropped (chapter 00)."""

import math
from itertools import groupby

from ds2np.backend import to_cpu
from ds2np.decode.words import Hypothesis, Word


def collapse(path):
    """Merge repeats first, then drop blanks: "aa-bb-b" becomes "abb" (the map B of CTC).

    Parameters
    ----------
    path : sequence of int
        One symbol a frame; 0 is the blank.

    Returns
    -------
    list of int
    """
    before = 0
    labels = []
    for symbol in path:
        if symbol not in (0, before):
            labels.append(int(symbol))
        before = symbol
    return labels


def best_paths(log_probs, lengths):
    """Find the most probable symbol of each real frame.

    Parameters
    ----------
    log_probs : ndarray of shape (N, T, V)
        Any scores that rank symbols as their probabilities do.
    lengths : ndarray of shape (N,)

    Returns
    -------
    list of list of int
    """
    paths = to_cpu(log_probs.argmax(axis=2)).tolist()  # Python's own numbers are quicker one by one
    return [path[:length] for path, length in zip(paths, lengths, strict=True)]


def read_path(path, alphabet):
    """Convert the symbols of an utterance's frames to text with single spaces."""
    return alphabet.join(alphabet.split(alphabet.decode(collapse(path))))


def greedy_decode(log_probs, lengths, alphabet):
    """Transcribe a batch by the most probable symbol of each frame.

    Parameters
    ----------
    log_probs : ndarray of shape (N, T, V)
        Any scores that rank symbols as their probabilities do.
    lengths : ndarray of shape (N,)
    alphabet : Alphabet

    Returns
    -------
    list of str
    """
    return [read_path(path, alphabet) for path in best_paths(log_probs, lengths)]


class GreedyDecoder:
    """Read the best path of each utterance.

    Parameters
    ----------
    alphabet : Alphabet
    frame_seconds : float
        From one output frame to the next; 1 leaves the times of words in frames.
    """

    def __init__(self, alphabet, frame_seconds=1.0):
        self.alphabet, self.frame_seconds = alphabet, frame_seconds

    def decode(self, log_probs, lengths):
        """Transcribe a batch.

        Parameters
        ----------
        log_probs : ndarray of shape (N, T, V)
        lengths : ndarray of shape (N,)

        Returns
        -------
        list of list of Hypothesis
            For each utterance its hypotheses, best first; here there is one. Its score is the log
            probability of the best path.
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
