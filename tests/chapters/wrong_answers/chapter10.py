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


def fit(states, facts):
    return np.linalg.lstsq(states, facts, rcond=None)[0]


def each_unit_alone(states, facts, new_states):
    centred, wanted = states - states.mean(axis=0), facts - facts.mean()
    slopes = wanted @ centred / (centred**2).sum(axis=0)
    return (new_states - states.mean(axis=0)) @ slopes + facts.mean()


def with_the_best_unit(states, facts, new_states):
    centred, wanted = states - states.mean(axis=0), facts - facts.mean()
    best = np.abs(wanted @ centred / np.linalg.norm(centred, axis=0)).argmax()
    columns = [best]
    return right.linear_probe(states[:, columns], facts, new_states[:, columns])


def with_means_of_the_new(states, facts, new_states):
    weights = fit(states - states.mean(axis=0), facts - facts.mean())
    return (new_states - new_states.mean(axis=0)) @ weights + facts.mean()


def forgets_the_mean_of_the_facts(states, facts, new_states):
    centre = states.mean(axis=0)
    return (new_states - centre) @ fit(states - centre, facts - facts.mean())


def with_a_penalty(states, facts, new_states):
    centre = states.mean(axis=0)
    square = (states - centre).T @ (states - centre) + np.eye(states.shape[1])
    weights = np.linalg.solve(square, (states - centre).T @ (facts - facts.mean()))
    return (new_states - centre) @ weights + facts.mean()


def forgets_the_inverse(states, facts, new_states):
    weights = np.c_[states, np.ones(len(states))].T @ facts
    return np.c_[new_states, np.ones(len(new_states))] @ weights


def returns_the_correlation(states, facts, new_states):
    return np.corrcoef(right.linear_probe(states, facts, states), facts)[0, 1]


WRONG = {
    "10.1": {
        "returns a list of copies": lambda x, t, f: list(right.occlusions(x, t, f)),
        "covers more and more": covers_more_and_more,
        "writes into the given array": one_array_for_all,
        "forgets the tiles that are cut short": forgets_the_rest,
        "goes over time first": time_first,
        "keeps the tile and covers the rest": lambda x, t, f: x - right.occlusions(x, t, f),
        "covers with the mean": lambda x, t, f: right.occlusions(x - x.mean(), t, f) + x.mean(),
        "stops one tile early": lambda x, t, f: right.occlusions(x, t, f)[:-1],
        "returns the tiles alone": lambda x, t, f: x[None, :t, :f],
        "begins with the uncovered one": lambda x, t, f: np.concatenate(
            [x[None], right.occlusions(x, t, f)]
        ),
    },
    "10.2": {
        "has no constant": lambda states, facts, new: new @ fit(states, facts),
        "fits each unit alone": each_unit_alone,
        "takes the best unit": with_the_best_unit,
        "takes the mean of the new states": with_means_of_the_new,
        "forgets the mean of the facts": forgets_the_mean_of_the_facts,
        "punishes large weights": with_a_penalty,
        "forgets to divide by the squares": forgets_the_inverse,
        "asks the states it was fitted on": lambda states, facts, new: right.linear_probe(
            states, facts, states
        ),
        "returns the weights": lambda states, facts, new: fit(
            np.c_[states, np.ones(len(states))], facts
        ),
        "leaves the constant out in the end": lambda states, facts, new: (
            new @ fit(np.c_[states, np.ones(len(states))], facts)[:-1]
        ),
        "returns a correlation": returns_the_correlation,
        "returns yes or no": lambda states, facts, new: (
            right.linear_probe(states, facts, new) > 0.5
        ),
        "adds one more axis": lambda states, facts, new: right.linear_probe(states, facts, new)[
            :, None
        ],
    },
}
