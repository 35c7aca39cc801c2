"""Exercises of chapter 10: what the network has learned."""

import numpy as np

from ds2np.learn.exercise import Exercise


def occlusions(x, frames, bins):
    """Return copies (tiles, T, F) of a spectrogram x (T, F), each with 0 in another tile.

    Tiles are in order of frequency, then time; the last ones are smaller if the size does not fit.
    """
    T, F = x.shape
    copies = []
    for t in range(0, T, frames):
        for f in range(0, F, bins):
            copy = x.copy()
            copy[t : t + frames, f : f + bins] = 0
            copies.append(copy)
    return np.stack(copies)


def linear_probe(states, facts, new_states):
    """Fit facts (M,) by states (M, H) and a constant, by least squares; return new ones (K,).

    The new ones are what the same weighted sum, with its constant, is for new_states (K, H).
    """
    weights, *_ = np.linalg.lstsq(np.c_[states, np.ones(len(states))], facts, rcond=None)
    return new_states @ weights[:-1] + weights[-1]


def _occlusion_cases(rng):
    return {
        "tiles that divide both sides": (rng.standard_normal((4, 6)), 2, 3),
        "tiles that divide neither": (rng.standard_normal((5, 7)), 2, 3),
        "one tile for everything": (rng.standard_normal((2, 3)), 4, 5),
        "tiles of a single value": (rng.standard_normal((2, 3)), 1, 1),
    }


def _probe_cases(rng):
    def case(M, H, K, offset=0.0, noise=0.3):
        states = rng.standard_normal((M, H)) + offset * rng.standard_normal(H)
        facts = states @ rng.standard_normal(H) + offset + noise * rng.standard_normal(M)
        return states, facts, rng.standard_normal((K, H)) - offset

    yes_or_no, _, others = case(30, 3, 4)
    states, facts, new = case(12, 2, 5, offset=3.0)
    return {
        "one unit, exactly a line": case(4, 1, 3, offset=2.0, noise=0.0),
        "three units": case(20, 3, 6),
        "units and facts that are far from 0": case(20, 3, 6, offset=10.0),
        "a fact that is yes or no": (yes_or_no, (yes_or_no[:, 0] > 0.5).astype(float), others),
        "a single new state": case(9, 2, 1, offset=-2.0),
        "more new states than old ones": case(6, 2, 11, offset=1.0),
        "units that nearly agree": (
            np.c_[states, states[:, 0] + 0.1 * rng.standard_normal(12)],
            facts,
            np.c_[new, new[:, 1]],
        ),
        "a fact that is always the same": (states, np.full(12, 4.0), new),
        "units of unequal size": (states * [0.1, 10], facts, new * [0.1, 10]),
    }


EXERCISES = (
    Exercise(
        "10.1", "occlusions", "spectrograms with one tile occluded", occlusions, _occlusion_cases
    ),
    Exercise(
        "10.2", "linear_probe", "a linear probe, fitted and asked", linear_probe, _probe_cases
    ),
)
