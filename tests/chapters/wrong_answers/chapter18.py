"""Mistakes that are easily made in the exercises of chapter 18."""

import numpy as np

from ds2np.learn.exercises import chapter18 as right


def mean_is_constant(dout, cache):
    out, inverse_std = cache
    return (dout - out * (out * dout).mean()) * inverse_std


def variance_of_each_frequency(dout, cache):
    out, inverse_std = cache
    dcentred = (dout - out * (out * dout).mean(axis=0)) * inverse_std
    return dcentred - dcentred.mean(axis=0)


def mean_of_everything(dout, cache):
    out, inverse_std = cache
    dcentred = (dout - out * (out * dout).mean()) * inverse_std
    return dcentred - dcentred.mean()


def always_as_loud(change, samples, decibels):
    limit = np.linalg.norm(samples) * 10 ** (decibels / 20)
    change = change * (limit / np.linalg.norm(change))
    return np.clip(samples + change, -1, 1) - samples


def returns_the_sum(change, samples, decibels):
    return samples + right.within_budget(change, samples, decibels)


def forgets_full_scale(change, samples, decibels):
    limit = np.linalg.norm(samples) * 10 ** (decibels / 20)
    return change * min(1, limit / max(np.linalg.norm(change), 1e-12))


def clips_first(change, samples, decibels):
    change = np.clip(samples + change, -1, 1) - samples
    limit = np.linalg.norm(samples) * 10 ** (decibels / 20)
    return change * min(1, limit / max(np.linalg.norm(change), 1e-12))


def forgets_the_root(change, samples, decibels):
    limit = (samples * samples).sum() * 10 ** (decibels / 10)
    size = (change * change).sum()
    return np.clip(samples + change * min(1, limit / max(size, 1e-300)), -1, 1) - samples


def by_the_peaks(change, samples, decibels):
    limit = np.abs(samples).max() * 10 ** (decibels / 20)
    size = np.abs(change).max()
    return np.clip(samples + change * min(1, limit / max(size, 1e-300)), -1, 1) - samples


def cuts_each_sample(change, samples, decibels):
    limit = np.sqrt((samples * samples).mean()) * 10 ** (decibels / 20)
    return np.clip(samples + np.clip(change, -limit, limit), -1, 1) - samples


def scales_the_sum(change, samples, decibels):
    change = forgets_full_scale(change, samples, decibels)
    return (samples + change) / max(1, np.abs(samples + change).max()) - samples


WRONG = {
    "18.1": {
        "takes mean and variance for constants": lambda dout, cache: dout * cache[1],
        "takes the mean for a constant": mean_is_constant,
        "has a variance of its own for each frequency": variance_of_each_frequency,
        "has one mean for everything": mean_of_everything,
        "multiplies by the deviation": lambda dout, cache: right.normalise_backward(
            dout, (cache[0], 1 / cache[1])
        ),
        "forgets the mean of each frequency": lambda dout, cache: (
            (dout - cache[0] * (cache[0] * dout).mean()) * cache[1]
        ),
        "takes the mean over frequencies": lambda dout, cache: (
            right.normalise_backward(dout.T, (cache[0].T, cache[1])).T
        ),
        "adds where it should subtract": lambda dout, cache: (
            2 * dout * cache[1] - right.normalise_backward(dout, cache)
        ),
        "adds up where a mean belongs": lambda dout, cache: mean_is_constant(
            dout, (cache[0] * cache[0].size ** 0.5, cache[1])
        ),
        "returns the gradient by the centred numbers' size": lambda dout, cache: (
            right.normalise_backward(dout, (cache[0], cache[1] ** 2))
        ),
    },
    "18.2": {
        "lets silence keep its change": lambda change, samples, decibels: (
            right.within_budget(change, samples, decibels) if samples.any() else change
        ),
        "takes decibels of amplitude for those of energy": lambda change, samples, decibels: (
            right.within_budget(change, samples, 2 * decibels)
        ),
        "makes a soft change louder": always_as_loud,
        "returns the changed sound": returns_the_sum,
        "forgets full scale": forgets_full_scale,
        "clips before it makes softer": clips_first,
        "compares energies and scales by their ratio": forgets_the_root,
        "measures the peaks": by_the_peaks,
        "cuts each sample": cuts_each_sample,
        "turns the whole sound down": scales_the_sum,
    },
}
