"""Alignments spoiled on purpose, from which the classifier learns what wrong ones look like.

Each kind takes good utterances that follow each other, and returns sound and text that do not quite
belong together. Sound is what the network puts out: no recording needs to be changed.
"""

from dataclasses import dataclass

import numpy as np

MOST_WORDS = 3  # that a text is shifted by, or that are cut off


@dataclass(frozen=True)
class Utterance:
    """An utterance as the network hears it.

    Attributes
    ----------
    log_probs : ndarray of shape (T, V)
    words : tuple of ndarray of int
        The labels of each word.
    starts, ends : ndarray of int of shape (words,)
        First frame of each word, and the one after its last.
    """

    log_probs: np.ndarray
    words: tuple
    starts: np.ndarray
    ends: np.ndarray


def spell(words, space):
    """Return the labels of some words, with spaces between them; space may be None."""
    between = [] if space is None else [space]
    parts = [part for word in words for part in (between, word)][1:]
    return np.concatenate([np.zeros(0, int), *map(np.asarray, parts)]).astype(int)


def missing(rng, utterances, i, sounds):
    """Write one of two sentences that are spoken."""
    if i + 1 == len(utterances):
        return None
    pair = utterances[i], utterances[i + 1]
    sound = np.concatenate([each.log_probs for each in pair])
    return sound, pair[rng.integers(2)].words


def doubled(rng, utterances, i, sounds):
    """Write a sentence twice that is spoken once."""
    return utterances[i].log_probs, utterances[i].words * 2


def other(rng, utterances, i, sounds):
    """Take the text of another place: the one of the most similar length among some."""
    others = [j for j in rng.permutation(len(utterances))[:20] if j != i]
    if not others:
        return None
    size = len(utterances[i].words)
    j = min(others, key=lambda j: abs(len(utterances[j].words) - size))
    return utterances[i].log_probs, utterances[j].words


def shifted(rng, utterances, i, sounds):
    """Begin and end the text one to three words too late."""
    if i + 1 == len(utterances):
        return None
    words, later = utterances[i].words, utterances[i + 1].words
    k = int(rng.integers(1, MOST_WORDS + 1))
    if k >= len(words) or k > len(later):
        return None
    return utterances[i].log_probs, (*words[k:], *later[:k])


def cut_off(rng, utterances, i, sounds):
    """Cut one to three words off the sound, at its beginning or end."""
    each = utterances[i]
    k = int(rng.integers(1, MOST_WORDS + 1))
    if k >= len(each.words):
        return None
    if rng.random() < 0.5:
        return each.log_probs[each.starts[k] :], each.words
    return each.log_probs[: each.ends[-k - 1]], each.words


def noise(rng, utterances, i, sounds):
    """Drown a third of the utterance, or more, in noise."""
    return _drown(rng, utterances[i], sounds["noise"])


def music(rng, utterances, i, sounds):
    """Drown a third of the utterance, or more, in music."""
    return _drown(rng, utterances[i], sounds["music"])


def _drown(rng, utterance, sound):
    sound, log_probs = sound[rng.integers(len(sound))], utterance.log_probs.copy()
    T = len(log_probs)
    count = min(int(T * rng.uniform(1 / 3, 1)) + 1, len(sound), T)
    begin, of_sound = rng.integers(T - count + 1), rng.integers(len(sound) - count + 1)
    log_probs[begin : begin + count] = sound[of_sound : of_sound + count]
    return log_probs, utterance.words


KINDS = {
    "missing": missing,
    "doubled": doubled,
    "other": other,
    "shifted": shifted,
    "cut off": cut_off,
    "noise": noise,
    "music": music,
}


def spoil(rng, kind, utterances, i, sounds, space=None):
    """Spoil utterance i.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        A key of `KINDS`.
    utterances : sequence of Utterance
        One after another, as in the recording.
    i : int
    sounds : dict of str to list of ndarray of shape (T, V)
        What the network puts out for "noise" and "music".
    space : int, optional
        The label between words.

    Returns
    -------
    log_probs : ndarray of shape (T, V)
    labels : ndarray of int of shape (L,)
        Or None instead of both, where an utterance cannot be spoiled like this.
    """
    spoiled = KINDS[kind](rng, utterances, i, sounds)
    return None if spoiled is None else (spoiled[0], spell(spoiled[1], space))
