"""Greedy decoding: the best symbol of each frame, repeats merged, blanks dropped.

Chapter 00 introduces it, and it is an exercise in chapter 07.
"""

import math
from itertools import groupby

import numpy as np

from ds2np.backend import get_array_module, to_cpu
from ds2np.decode.arguments import check_batch, check_piece
from ds2np.decode.words import Hypothesis, Word
from ds2np.layers.parts import map_parts

PART = 1 << 18  # log-probabilities that a thread looks at together


def collapse(path):
    """Merge repeats, then drop blanks (0): "aa-bb-b" becomes "abb". This is the map B of CTC."""
    path = np.asarray(path, int)
    kept = path != 0
    kept[1:] &= path[1:] != path[:-1]
    return path[kept].tolist()


def best_paths(log_probs, lengths, alphabet):
    """Find the most probable symbol of each frame that is not padding.

    Parameters
    ----------
    log_probs : ndarray of float32 or float64 of shape (N, T, V)
        May also be logits: only the order of the symbols matters.
    lengths : sequence of int of shape (N,)
    alphabet : Alphabet

    Returns
    -------
    list of tuple of two ndarrays
        For each utterance, the symbols of its frames and their log-probabilities.

    Raises
    ------
    ValueError
        If a shape, a dtype or a length does not fit, or a frame holds NaN.
    """
    lengths = check_batch(log_probs, lengths, len(alphabet))
    xp, (N, T, V) = get_array_module(log_probs), log_probs.shape
    size = max(1, PART // max(1, T * V))
    parts = map_parts(lambda part: log_probs[part].argmax(axis=2), log_probs, size)
    paths = xp.concatenate(parts)  # NaN counts as the largest
    best = log_probs.reshape(-1)[paths.ravel() + V * xp.arange(paths.size)]
    paths, best = to_cpu(paths), to_cpu(best).reshape(N, T)
    for n, frame in np.argwhere(np.isnan(best)):
        if frame < lengths[n]:
            raise ValueError(f"frame {frame} of utterance {n} holds NaN, expected numbers")
    rows = zip(paths, best, lengths, strict=True)
    return [(path[:length], scores[:length]) for path, scores, length in rows]


def read_path(path, alphabet):
    """Convert a path, one symbol per frame, to text with single spaces."""
    return " ".join(alphabet.decode(collapse(path)).split())


def greedy_decode(log_probs, lengths, alphabet):
    """Transcribe a batch (N, T, V) by the most probable symbol of each frame; see `best_paths`."""
    return [read_path(path, alphabet) for path, _ in best_paths(log_probs, lengths, alphabet)]


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

        Its score is the log-probability of the best path. Raises a ValueError as `best_paths` does.
        """
        paths = best_paths(log_probs, lengths, self.alphabet)
        texts = greedy_decode(log_probs, lengths, self.alphabet)
        return [[self.describe(text, *path)] for text, path in zip(texts, paths, strict=True)]

    def describe(self, text, path, best):
        """Return the `Hypothesis` of a text, its path (T,), and the path's log-probabilities."""
        score = math.fsum(best)
        words = tuple(self._words(path.tolist(), best.tolist()))
        return Hypothesis(text, score, score, 0.0, words)

    def stream(self):
        """Begin an utterance whose frames come bit by bit; see `GreedyStream`."""
        return GreedyStream(self)

    def _words(self, path, best):
        """Group the symbols of a path into words, with times and confidences."""
        symbols, frame = [], 0
        for symbol, repeats in groupby(path):
            start, frame = frame, frame + len(list(repeats))
            if symbol != self.alphabet.blank:
                symbols.append((symbol, start, frame, math.exp(max(best[start:frame]))))
        numbers, starts, ends, confidences = zip(*symbols, strict=True) if symbols else ((),) * 4
        for word, first, stop in self.alphabet.find_words(numbers):
            times = starts[first], ends[stop - 1]
            start, end = (round(frame * self.frame_seconds, 6) for frame in times)
            yield Word(word, start, end, sum(confidences[first:stop]) / (stop - first))


class GreedyStream:
    """The best path of one utterance whose frames come in pieces of any length.

    Parameters
    ----------
    decoder : GreedyDecoder
    """

    def __init__(self, decoder):
        self.decoder = decoder
        self._pieces = [(np.zeros(0, int), np.zeros(0))]

    def push(self, log_probs):
        """Read some frames, log_probs (T, V) on any device; return the text so far."""
        alphabet = self.decoder.alphabet
        check_piece(log_probs, len(alphabet))
        self._pieces += best_paths(log_probs[None], [len(log_probs)], alphabet)
        return read_path(self._join()[0], alphabet)

    def finish(self):
        """End the utterance; return its `Hypothesis`."""
        path, best = self._join()
        return self.decoder.describe(read_path(path, self.decoder.alphabet), path, best)

    def _join(self):
        """Return the path and its log-probabilities so far."""
        path, best = map(np.concatenate, zip(*self._pieces, strict=True))
        self._pieces = [(path, best)]
        return path, best
