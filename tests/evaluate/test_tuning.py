"""The error rate over a grid of weights equals that of ranking each pair of weights by hand."""

import numpy as np
import pytest

from ds2np.evaluate.tuning import Candidates, choose_weights, count_errors, describe_edge


def draw(rng, K):
    return Candidates(
        acoustic=rng.uniform(-20, 0, K),
        lm=rng.uniform(-30, 0, K),
        words=rng.integers(0, 8, K),
        edits=rng.integers(0, 5, K),
    )


def test_errors_are_those_of_the_best_text_of_each_utterance(rng):
    candidates = [draw(rng, K) for K in (1, 2, 7, 30)]
    alphas, betas = [0.0, 0.3, 1.0, 2.5], [-1.0, 0.0, 4.0]
    errors = count_errors(candidates, alphas, betas)
    for a, alpha in enumerate(alphas):
        for b, beta in enumerate(betas):
            expected = 0
            for each in candidates:
                texts = zip(each.acoustic, each.lm, each.words, each.edits, strict=True)
                best = max(texts, key=lambda t: t[0] + alpha * t[1] + beta * t[2])
                expected += best[3]
            assert errors[a, b] == expected


def test_the_weights_decide(rng):
    """The network prefers the first text, the language model the second, beta the longer third."""
    three = Candidates(
        acoustic=np.array([-1.0, -3.0, -4.0]),
        lm=np.array([-20.0, -5.0, -30.0]),
        words=np.array([2, 2, 9]),
        edits=np.array([1, 0, 7]),
    )
    errors = count_errors([three], [0, 1], [0, 5])
    assert errors.tolist() == [[1, 7], [0, 7]]
    assert choose_weights(errors, [0, 1], [0, 5]) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("errors", "chosen"),
    [
        ([[3, 3, 3], [3, 1, 3]], (1, 20)),
        ([[2, 2, 2], [5, 5, 5]], (0, 20)),  # the middle of a row
        ([[1, 9, 1], [9, 9, 9]], (0, 10)),  # two ends: one of them, not what lies between
        ([[4, 4, 4], [4, 4, 4]], (0, 20)),
    ],
)
def test_of_equal_pairs_it_takes_the_middle(errors, chosen):
    assert choose_weights(np.array(errors), [0, 1], [10, 20, 30]) == chosen


@pytest.mark.parametrize(
    ("alpha", "beta", "text"),
    [
        (1, 1, ""),
        (2, 1, "a larger alpha than 2"),
        (0, 1, ""),  # no language model at all: nothing is below
        (1, 0, "a smaller beta than 0"),
        (2, 2, "a larger alpha than 2 and a larger beta than 2"),
    ],
)
def test_the_edge_of_the_grid_is_told(alpha, beta, text):
    assert describe_edge(alpha, beta, [0, 1, 2], [0, 1, 2]) == text
    assert describe_edge(alpha, beta, [alpha], [beta]) == ""
