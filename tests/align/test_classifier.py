"""Logistic regression by hand: its gradient, its minimum, thresholds by cost, and curves."""

import numpy as np
import pytest
from scipy.optimize import minimize

from ds2np.align.classifier import (
    Classifier,
    adapt_to_share,
    choose_threshold,
    logistic_backward,
    logistic_forward,
    minimise,
    precision_recall,
    sigmoid,
)
from ds2np.gradcheck import numerical_gradient


def draw(seed, N=60, D=4):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((N, D))
    y = (x @ rng.standard_normal(D) + rng.standard_normal(N) > 0.3).astype(float)
    weights = rng.random(N)
    return x, y, rng.standard_normal(D), float(rng.standard_normal()), weights / weights.sum()


@pytest.mark.parametrize("seed", range(5))
def test_gradient(seed):
    x, y, w, b, weights = draw(seed)
    b = np.array([b])

    def loss():
        return logistic_forward(x, y, w, b[0], weights, 0.3)[0]

    dw, db = logistic_backward(logistic_forward(x, y, w, b[0], weights, 0.3)[1])
    np.testing.assert_allclose(dw, numerical_gradient(loss, w), atol=1e-8)
    np.testing.assert_allclose(db, numerical_gradient(loss, b)[0], atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("l2", [1e-3, 1.0])
def test_the_minimum_is_that_of_another_method(seed, l2):
    x, y, _, _, weights = draw(seed)

    def loss(theta):
        p = 1 / (1 + np.exp(-(x @ theta[:-1] + theta[-1])))
        return (
            -(weights * np.log(np.where(y == 1, p, 1 - p))).sum() + l2 / 2 * (theta[:-1] ** 2).sum()
        )

    expected = minimize(loss, np.zeros(5), tol=1e-12)
    w, b = minimise(x, y, weights, l2)
    np.testing.assert_allclose(np.append(w, b), expected.x, atol=1e-3)
    assert logistic_forward(x, y, w, b, weights, l2)[0] <= expected.fun + 1e-9


def test_large_numbers_do_not_overflow():
    z = np.array([-1e4, -50, 0, 50, 1e4])
    np.testing.assert_allclose(sigmoid(z), [0, np.exp(-50), 0.5, 1, 1], rtol=1e-12)
    x, y = np.array([[1e4], [-1e4]]), np.array([0.0, 1.0])
    loss, cache = logistic_forward(x, y, np.ones(1), 0.0, np.full(2, 0.5), 0.0)
    assert loss == pytest.approx(1e4)
    assert np.isfinite(np.append(*logistic_backward(cache))).all()


def test_it_learns_to_tell_classes_apart_and_absurd_values_do_no_harm():
    rng = np.random.default_rng(0)
    right, wrong = rng.normal([0, 5], [1, 0.1], (200, 2)), rng.normal([3, 5], [1, 0.1], (50, 2))
    right[0] = 1e12
    classifier = Classifier.train(right, wrong)
    p = classifier.probability(np.array([[-1, 5], [1.5, 5], [4, 5]]))
    assert p[0] < 0.1 < 0.3 < p[1] < 0.7 < 0.9 < p[2]
    constant = np.ones((5, 1))
    assert Classifier.train(constant, constant).probability(constant) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="both"):
        Classifier.train(right, wrong[:0])


def test_another_share():
    rng = np.random.default_rng(0)
    # Two normal distributions: the exact odds are known for any share.
    x = rng.uniform(-3, 6, 50)
    odds = np.exp(-((x - 2) ** 2) / 2) / np.exp(-(x**2) / 2)
    for share in (0.01, 0.5, 0.9):
        expected = share * odds / (share * odds + 1 - share)
        np.testing.assert_allclose(adapt_to_share(odds / (1 + odds), share), expected)


@pytest.mark.parametrize("seed", range(20))
def test_no_threshold_costs_less(seed):
    rng = np.random.default_rng(seed)
    y = rng.random(40) < 0.4
    p = np.clip(rng.normal(0.3 + 0.4 * y, 0.25), 0, 1).round(2)
    share, cost = rng.uniform(0.01, 0.9), float(rng.choice([0.2, 1, 5, 100]))

    def expected_cost(threshold):
        kept = np.mean([a <= threshold for a, wrong in zip(p, y, strict=True) if wrong])
        lost = np.mean([a > threshold for a, wrong in zip(p, y, strict=True) if not wrong])
        return share * cost * kept + (1 - share) * lost

    got = choose_threshold(p, y, share, cost)
    assert expected_cost(got) <= min(map(expected_cost, np.linspace(0, 1, 201))) + 1e-12


@pytest.mark.parametrize("share", [None, 0.05])
def test_curve(share):
    rng = np.random.default_rng(0)
    y = rng.random(60) < 0.3
    p = rng.random(60).round(1)
    thresholds, precision, recall = precision_recall(p, y, share)
    assert (np.diff(thresholds) < 0).all()
    of_wrong = y.mean() if share is None else share
    for threshold, got_precision, got_recall in zip(thresholds, precision, recall, strict=True):
        hits = sum(a >= threshold and bool(b) for a, b in zip(p, y, strict=True)) / y.sum()
        alarms = sum(a >= threshold and not b for a, b in zip(p, y, strict=True)) / (~y).sum()
        assert got_recall == pytest.approx(hits)
        found = of_wrong * hits
        assert got_precision == pytest.approx(found / (found + (1 - of_wrong) * alarms))
