"""Mistakes that are easily made in the exercises of chapter 10."""

import numpy as np

from ds2np.learn.exercises import chapter10 as right


def covers_more_and_more(x, frames, bins):
    copy, copies = x.copy(), []
    for t in range(0, len(x), frames):
        for f in range(0, x.shape[1], bins):
            copy[t : t + frames, f : f + bins] = 0
            copies.append(copy.copy())
    return np.stack(copies)


def one_array_for_all(x, frames, bins):
    copies = []
    for t in range(0, len(x), frames):
        for f in range(0, x.shape[1], bins):
            x[t : t + frames, f : f + bins] = 0
            copies.append(x)
    return np.stack(copies)


def forgets_the_rest(x, frames, bins):
    T, F = x.shape
    copies = [x.copy() for _ in range((T // frames) * (F // bins))]
    for i, copy in enumerate(copies):
        t, f = divmod(i, F // bins)
        copy[t * frames : (t + 1) * frames, f * bins : (f + 1) * bins] = 0
    return np.array(copies)


def time_first(x, frames, bins):
    return right.occlusions(x.T, bins, frames).swapaxes(1, 2)


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


WRONG = {
    "10.1": {
        "returns a list of copies": lambda x, t, f: list(right.occlusions(x, t, f)),
        "covers more and more": covers_more_and_more,
        "writes into the given array": one_array_for_all,
        "forgets the tiles that are cut short": forgets_the_rest,
        "goes over time first": time_first,
        "keeps the tile and covers the rest": lambda x, t, f: x - right.occlusions(x, t, f),
    },
    "10.2": {
        "takes mean and variance for constants": lambda dout, cache: dout * cache[1],
        "takes the mean for a constant": mean_is_constant,
        "has a variance of its own for each frequency": variance_of_each_frequency,
        "has one mean for everything": mean_of_everything,
        "multiplies by the deviation": lambda dout, cache: right.normalise_backward(
            dout, (cache[0], 1 / cache[1])
        ),
    },
    "10.3": {
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
    },
}
