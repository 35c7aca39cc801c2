"""Exercises of chapter 18: a sound changed until the network hears another word."""

import numpy as np

from ds2np.audio.normalisation import normalise_backward, normalise_forward
from ds2np.learn.exercise import Exercise


def within_budget(change, samples, decibels):
    """Scale a change to at most `decibels` above the energy of the samples, then clip.

    Both have shape (samples,). After clipping, samples + change is within -1 and 1.
    """
    limit = np.sqrt((samples * samples).sum()) * 10 ** (decibels / 20)
    size = np.sqrt((change * change).sum())
    if size > limit:
        change = change * (limit / size)
    return np.clip(samples + change, -1, 1) - samples


def _normalise_cases(rng):
    def case(T, F, scale=1.0):
        x = scale * rng.standard_normal((T, F)) + rng.standard_normal(F)
        return rng.standard_normal((T, F)) + 0.5, normalise_forward(x)[1]

    silence = np.zeros((3, 2))
    return {
        "five frames, three frequencies": case(5, 3),
        "a loud utterance": case(6, 4, scale=30.0),
        "one frequency": case(7, 1),
        "a single frame, which is its own mean": case(1, 4),
        "constant over time": (rng.standard_normal((3, 2)), normalise_forward(silence)[1]),
    }


def _budget_cases(rng):
    sound = 0.3 * rng.uniform(-1, 1, 12)
    change = 0.02 * rng.standard_normal(12)
    peaks = np.where(np.arange(12) % 4 == 0, 0.98, 0.1) * rng.choice([-1, 1], 12)
    return {
        "too loud": (50 * change, sound, -20.0),
        "below the limit": (change, sound, -3.0),
        "slightly too loud": (change, 0.1 * sound, 0.0),
        "beyond full scale": (0.2 * np.sign(peaks), peaks, 0.0),
        "too loud, and then beyond full scale": (2.0 * np.sign(peaks), peaks, -6.0),
        "no change": (np.zeros(12), sound, -30.0),
        "silence and no change": (np.zeros(12), np.zeros(12), -30.0),
        "silence allows no change": (change, np.zeros(12), -30.0),
        "a very soft sound": (change, 1e-7 * sound, -10.0),
    }


EXERCISES = (
    Exercise(
        "18.1", "normalise_backward", "gradient of the CMVN", normalise_backward, _normalise_cases
    ),
    Exercise(
        "18.2",
        "within_budget",
        "change of a sound, limited in loudness and to full scale",
        within_budget,
        _budget_cases,
    ),
)
