"""Solutions of chapter 14, Mandarin and bigrams."""

import numpy as np


def cut_bigrams(text, known):
    """Cut a text into symbols; return a list of str."""
    symbols = []
    for i, word in enumerate(text.split(" ")):
        if i > 0:
            symbols.append(" ")
        for start in range(0, len(word), 2):
            pair = word[start : start + 2]
            symbols += [pair] if pair in known else list(pair)
    return symbols


def largest_stride(labels, frames):
    """Return the largest stride that leaves enough frames, or 0."""
    needed = len(labels) + int((labels[1:] == labels[:-1]).sum())
    if needed <= 1:
        return frames
    return (frames - 1) // (needed - 1)  # ceil(T / s) >= n where T / s > n - 1


def choose_characters(texts, most):
    """Return the characters, a tuple of str, and how many occurrences of others there are."""
    counts = {}
    for text in texts:
        for character in text:
            counts[character] = counts.get(character, 0) + 1
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    left_out = sum(counts[character] for character in ranked[most:])
    return tuple(sorted(ranked[:most])), left_out


def move_voice(pitch, centre):
    """Move a pitch (T,) to another centre; return an array of shape (T,)."""
    moved = np.zeros(len(pitch))
    voiced = pitch > 0
    if voiced.any():
        mean = np.exp(np.log(pitch[voiced]).mean())
        moved[voiced] = pitch[voiced] * centre / mean
    return moved
