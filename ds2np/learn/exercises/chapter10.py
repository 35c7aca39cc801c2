"""Exercises of chapter 10, on what the network has learned."""

import numpy as np

from ds2np.audio.normalisation import normalise_backward, normalise_forward
from ds2np.learn.exercise import Exercise


def occlusions(x, frames, bins):
    """Cover a spectrogram tile by tile, one tile in each copy.

    Parameters
    ----------
    x : ndarray of shape (T, F)
    frames, bins : int
        Size of a tile; the last ones are smaller where it does not divide T or F.

    Returns
    -------
    ndarray of shape (tiles, T, F)
        Each is x with 0 in one tile; tiles follow each other over frequency first, then over time.
    """
    T, F = x.shape
    copies = []
    for t in range(0, T, frames):
        for f in range(0, F, bins):
            copy = x.copy()
            copy[t : t + frames, f : f + bins] = 0
            copies.append(copy)
    return np.stack(copies)


def within_budget(change, samples, decibels):
    """Bring a change of a sound within a loudness, and the sum within full scale.

    Parameters
    ----------
    change, samples : ndarray of shape (samples,)
    decibels : float
        How much more energy the change may have than the sound, at most; negative for less.

    Returns
    -------
    ndarray of shape (samples,)
        The change, made softer if it was too loud; then so that samples + change stays in -1 to 1.
    """
    limit = np.sqrt((samples * samples).sum()) * 10 ** (decibels / 20)
    size = np.sqrt((change * change).sum())
    if size > limit:
        change = change * (limit / size)
    return np.clip(samples + change, -1, 1) - samples


def _occlusion_cases(rng):
    return {
        "tiles that divide both sides": (rng.standard_normal((4, 6)), 2, 3),
        "tiles that divide neither": (rng.standard_normal((5, 7)), 2, 3),
        "one tile for all": (rng.standard_normal((2, 3)), 4, 5),
        "tiles of one number": (rng.standard_normal((2, 3)), 1, 1),
    }


def _normalise_cases(rng):
    def case(T, F, scale=1.0):
        x = scale * rng.standard_normal((T, F)) + rng.standard_normal(F)
        return rng.standard_normal((T, F)) + 0.5, normalise_forward(x)[1]

    silence = np.zeros((3, 2))
    return {
        "five frames, three frequencies": case(5, 3),
        "a loud one": case(6, 4, scale=30.0),
        "one frequency": case(7, 1),
        "a single frame, which is its own mean": case(1, 4),
        "no change at all over time": (rng.standard_normal((3, 2)), normalise_forward(silence)[1]),
    }


def _budget_cases(rng):
    sound = 0.3 * rng.uniform(-1, 1, 12)
    change = 0.02 * rng.standard_normal(12)
    peaks = np.where(np.arange(12) % 4 == 0, 0.98, 0.1) * rng.choice([-1, 1], 12)
    return {
        "too loud": (50 * change, sound, -20.0),
        "soft enough already": (change, sound, -3.0),
        "a little too loud": (change, 0.1 * sound, 0.0),
        "beyond full scale": (0.2 * np.sign(peaks), peaks, 0.0),
        "too loud, and then beyond full scale": (2.0 * np.sign(peaks), peaks, -6.0),
        "no change": (np.zeros(12), sound, -30.0),
        "silence and no change": (np.zeros(12), np.zeros(12), -30.0),
    }


EXERCISES = (
    Exercise(
        number="10.1",
        function="occlusions",
        task="copies of a spectrogram, another tile of it covered in each",
        reference=occlusions,
        cases=_occlusion_cases,
    ),
    Exercise(
        number="10.2",
        function="normalise_backward",
        task="the gradient through mean and variance of an utterance",
        reference=normalise_backward,
        cases=_normalise_cases,
    ),
    Exercise(
        number="10.3",
        function="within_budget",
        task="a change of a sound, kept within a loudness and full scale",
        reference=within_budget,
        cases=_budget_cases,
    ),
)
