"""Exercises of chapter 09: decoding with language models."""

from collections import defaultdict

import numpy as np

from ds2np.evaluate.tuning import Candidates, count_errors
from ds2np.learn.exercise import Exercise
from ds2np.lm import kneser_ney


def prefix_step(beams, y_t, blank=0):
    """Go on by one frame with all prefixes; prefixes without probability are left out."""
    after = defaultdict(lambda: np.zeros(2))
    for prefix, (p_b, p_n) in beams.items():
        for k, p in enumerate(y_t):
            if k == blank:
                after[prefix][0] += p * (p_b + p_n)
            elif prefix and prefix[-1] == k:
                after[prefix][1] += p * p_n
                after[(*prefix, k)][1] += p * p_b
            else:
                after[(*prefix, k)][1] += p * (p_b + p_n)
    return {prefix: tuple(map(float, both)) for prefix, both in after.items() if both.any()}


def discounts(counts):
    """Return the package's discounts of counts 1, 2, and 3 and more."""
    return tuple(map(float, kneser_ney.discounts(counts)[0][1:]))


def backoff_logp(word, history, logp, backoff):
    """Back off until the n-gram is listed."""
    word = word if (word,) in logp else "<unk>"
    paid = 0.0
    while (*history, word) not in logp:
        paid += backoff.get(history, 0.0)
        history = history[1:]
    return paid + logp[(*history, word)]


def best_weights(acoustic, lm, words, edits, alphas, betas):
    """Return the first pair of the package's table with the fewest errors."""
    candidates = [Candidates(*rows) for rows in zip(acoustic, lm, words, edits, strict=True)]
    errors = count_errors(candidates, alphas, betas)
    a, b = np.unravel_index(errors.argmin(), errors.shape)
    return float(alphas[a]), float(betas[b])


def _prefix_cases(rng):
    def row(V):
        return rng.dirichlet(np.ones(V))

    def beams(*prefixes):
        return {prefix: tuple(rng.uniform(0.01, 0.3, 2).tolist()) for prefix in prefixes}

    return {
        "before the first frame": ({(): (1.0, 0.0)}, row(3)),
        "a prefix whose last symbol comes again": (beams((1,)), row(3)),
        "a prefix that ends in a blank only": ({(2,): (0.4, 0.0)}, row(3)),
        "a prefix that ends in its symbol only": ({(2,): (0.0, 0.4)}, row(3)),
        "one prefix can become another": (beams((1,), (1, 2)), row(4)),
        "a doubled symbol beside a single one": (beams((1,), (1, 1)), row(3)),
        "nothing, and a prefix": (beams((), (2,)), row(3)),
        "the blank is the last symbol": (beams((0,), (0, 0), (1, 0)), row(3), 2),
        "the blank is in the middle": (beams((), (2, 2), (0,)), row(4), 1),
        "a symbol that is impossible": (beams((1,), (2, 1)), np.array([0.5, 0.5, 0.0])),
    }


def _discount_cases(rng):
    return {
        "three counts of 1, one each of 2, 3, 4": (np.array([1, 1, 1, 2, 3, 4]),),
        "many counts": (rng.geometric(0.5, 400),),
        "zeros, which do not count": (np.append(rng.geometric(0.5, 300), np.zeros(50, int)),),
        "counts beyond four": (np.append(rng.geometric(0.4, 300), [40, 50, 60]),),
        "no count of 4": (np.array([1] * 9 + [2] * 4 + [3] * 2 + [7]),),
        "no count of 1": (np.array([2, 2, 3, 3, 4]),),
        "no count of 2": (np.array([1, 1, 3, 4]),),
        "no count of 3": (np.array([1, 1, 2, 4]),),
        "a discount below 0": (np.array([1] + [2] * 2 + [3] * 9 + [4]),),
        "a discount of exactly 0": (np.array([1] * 2 + [2] * 2 + [3] * 4 + [4] * 3),),
        "a last discount below 0": (np.array([1] * 5 + [2] * 5 + [3] + [4] * 30),),
        "no n-grams": (np.array([], int),),
    }


def _backoff_cases(rng):
    def number():
        return float(-rng.uniform(0.1, 3.0))

    logp = {(w,): number() for w in ("<unk>", "</s>", "the", "dog", "barks")}
    logp |= {("the", "dog"): number(), ("dog", "barks"): number(), ("<s>", "the"): number()}
    logp |= {("<unk>", "barks"): number(), ("<s>", "the", "dog"): number()}
    backoff = {("the",): number(), ("dog",): number(), ("<s>",): number(), ("<unk>",): number()}
    backoff |= {("the", "dog"): number(), ("<s>", "the"): number()}
    cases = {
        "listed, three words": ("dog", ("<s>", "the")),
        "listed, two words": ("barks", ("dog",)),
        "no history": ("dog", ()),
        "one step back": ("barks", ("the", "dog")),
        "two steps back": ("</s>", ("the", "dog")),
        "a history that is not listed": ("dog", ("barks", "the")),
        "no part of the history is listed": ("dog", ("barks", "barks")),
        "a word that is not known": ("cat", ("the", "dog")),
        "a word that is not known, without history": ("cat", ()),
        "the unknown word in the history": ("barks", ("<unk>",)),
        "a long history": ("barks", ("barks", "<s>", "the", "dog")),
    }
    return {name: (*arguments, logp, backoff) for name, arguments in cases.items()}


def _weight_cases(rng):
    def case(N, K, alphas, betas):
        words = rng.integers(1, 8, (N, K))
        acoustic, lm = -rng.uniform(0, 12, (N, K)), -rng.uniform(0, 20, (N, K))
        return acoustic, lm, words, rng.integers(0, 6, (N, K)), alphas, betas

    same = case(3, 4, [0.5, 1.0], [0.0, 2.0])
    tie = (  # with alpha = 1, both candidates have the same Q
        np.array([[-1.0, -3.0]]),
        np.array([[-4.0, -2.0]]),
        np.array([[2, 2]]),
        np.array([[1, 0]]),
        [0.0, 1.0],
        [0.0],
    )
    either = (  # a reward for words alone mends it, and the language model alone does, too
        np.array([[-1.0, -3.0, -3.0]]),
        np.array([[-10.0, -10.0, -2.0]]),
        np.array([[1, 4, 1]]),
        np.array([[1, 0, 0]]),
        [0.0, 1.0],
        [0.0, 2.0],
    )
    return {
        "one utterance": case(1, 5, [0.0, 1.0], [-1.0, 3.0]),
        "many utterances": case(40, 6, [0.0, 0.4, 0.8, 1.2], [-2.0, 0.0, 2.0, 4.0]),
        "more values of beta than of alpha": case(30, 5, [0.2, 0.9], [-3.0, -1.0, 0.0, 1.0, 6.0]),
        "a single pair": case(4, 3, [0.7], [1.5]),
        "values in falling order": case(30, 5, [1.6, 0.8, 0.0], [4.0, 0.0, -4.0]),
        "all pairs are equally good": (*same[:3], np.ones((3, 4), int), *same[4:]),
        "a single candidate": case(5, 1, [0.0, 1.0], [0.0, 1.0]),
        "two candidates with the same Q": tie,
        "either weight alone is enough": either,
    }


EXERCISES = (
    Exercise(
        "09.1", "prefix_step", "a frame of the prefix beam search", prefix_step, _prefix_cases
    ),
    Exercise(
        "09.2",
        "discounts",
        "the discounts of modified Kneser-Ney",
        discounts,
        _discount_cases,
        results=("D1", "D2", "D3+"),
        package=kneser_ney.discounts,
    ),
    Exercise(
        "09.3",
        "backoff_logp",
        "probability of a word by back-off",
        backoff_logp,
        _backoff_cases,
    ),
    Exercise(
        "09.4",
        "best_weights",
        "the best weights of a language model",
        best_weights,
        _weight_cases,
        results=("alpha", "beta"),
        package=count_errors,
    ),
)
