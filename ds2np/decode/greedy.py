"""Greedy decoding: the best symbol of each frame, repeats merged, blanks dropped."""

import math
from dataclasses import dataclass
from itertools import groupby

from ds2np.backend import to_cpu
from ds2np.ctc import log_softmax


@dataclass(frozen=True)
class Word:
    """A word that was recognised.

    Attributes
    ----------
    text : str
    start, end : float
        In seconds, from the first frame of its first character to the end of the last frame of its
        last one. Nothing in CTC asks for a character at the very moment when it is said, and many
        are written in a single frame: take the times for where to look, not for exact limits.
    confidence : float
        How sure the network was of what it wrote, 0 to 1: the probability of each character in its
        best frame, averaged over the characters. It is not the probability that the word is right:
        characters that are missing or blanks do not count, and a network can be sure of a mistake.
    """

    text: str
    start: float
    end: float
    confidence: float


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
        Any scores that order symbols as their probabilities do.
    lengths : ndarray of shape (N,)
        Real frames of each utterance.

    Returns
    -------
    list of list of int
    """
    paths = to_cpu(log_probs.argmax(axis=2)).tolist()  # Python's own numbers are quicker one by one
    return [path[:length] for path, length in zip(paths, lengths, strict=True)]


def read_path(path, alphabet):
    """Turn the symbols of an utterance's frames into text.

    Parameters
    ----------
    path : sequence of int
        One symbol a frame.
    alphabet : Alphabet

    Returns
    -------
    str
        With single spaces between words.
    """
    return " ".join(alphabet.decode(collapse(path)).split())


def greedy_decode(log_probs, lengths, alphabet):
    """Transcribe a batch by the most probable symbol of each frame.

    Parameters
    ----------
    log_probs : ndarray of shape (N, T, V)
        Any scores that order symbols as their probabilities do.
    lengths : ndarray of shape (N,)
        Real frames of each utterance.
    alphabet : Alphabet

    Returns
    -------
    list of str
        With single spaces between words.
    """
    return [read_path(path, alphabet) for path in best_paths(log_probs, lengths)]


def greedy_words(log_probs, alphabet, frame_ms, duration=math.inf):
    """Transcribe one utterance word by word, and say when each is heard.

    Parameters
    ----------
    log_probs : ndarray of shape (T, V)
        Of the real frames: log probabilities, or the logits that they come from.
    alphabet : Alphabet
    frame_ms : float
        Milliseconds from one frame to the next, such as `DeepSpeech2Config.frame_ms`.
    duration : float
        Of the recording, in seconds: no word starts or ends later.

    Returns
    -------
    list of Word
        In order; joined by spaces they are the text of `greedy_decode`.
    """
    (path,) = best_paths(log_probs[None], [len(log_probs)])
    best = to_cpu(log_softmax(log_probs).max(axis=1)).tolist()
    characters, frame = [], 0
    for symbol, repeats in groupby(path):
        start, frame = frame, frame + len(list(repeats))
        if symbol != 0:
            times = [min(i * frame_ms / 1000, duration) for i in (start, frame)]
            confidence = math.exp(max(best[start:frame]))
            characters.append((alphabet.decode([symbol]), *times, confidence))
    words = []
    for is_space, word in groupby(characters, key=lambda character: character[0].isspace()):
        if not is_space:
            texts, starts, ends, confidence = zip(*word, strict=True)
            words.append(
                Word("".join(texts), starts[0], ends[-1], sum(confidence) / len(confidence))
            )
    return words
