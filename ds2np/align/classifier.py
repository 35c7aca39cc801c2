"""Logistic regression: a classifier of two classes, written out. Chapter 15 derives it.

The probability that an utterance with the features x is wrong is 1 / (1 + exp(-(w x + b))). The
loss is convex, so Newton's method finds the best weights in a few steps, without a learning rate.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import get_array_module

L2 = 1e-2  # weight of the penalty w^2 / 2: where a plane separates the classes, w would not end
STEPS, SMALL = 50, 1e-10
CLIP = 10.0  # of standardised features: one absurd value must not decide everything


def logistic_forward(x, y, w, b, weights, l2=L2):
    """Compute the loss of logistic regression, with a cache.

    Parameters
    ----------
    x : ndarray of shape (N, D)
    y : ndarray of shape (N,)
        1 for wrong, 0 for right.
    w : ndarray of shape (D,)
    b : float
    weights : ndarray of shape (N,)
        Of the examples; their sum is 1.
    l2 : float
        Weight of the penalty.

    Returns
    -------
    loss : float
        Mean cross entropy, natural logarithm, and penalty.
    cache : tuple
    """
    xp = get_array_module(x)
    z = x @ w + b
    # -log p(y) = log(1 + exp(z)) - y z
    loss = (weights * (xp.logaddexp(0, z) - y * z)).sum() + l2 / 2 * (w @ w)
    return loss, (x, y, z, w, weights, l2)


def logistic_backward(cache):
    """Compute the gradients dw (D,) and db of `logistic_forward`."""
    x, y, z, w, weights, l2 = cache
    dz = weights * (sigmoid(z) - y)  # d(-log p)/dz = p - y
    return dz @ x + l2 * w, dz.sum()


def sigmoid(z):
    """Compute 1 / (1 + exp(-z)) without overflow."""
    xp = get_array_module(z)
    return xp.exp(-xp.logaddexp(0, -z))


def minimise(x, y, weights, l2=L2):
    """Find the weights with the least loss by Newton's method; return w (D,) and b.

    Each step solves H s = -gradient, with the second derivatives H = X^T diag(p (1 - p)) X, and is
    halved until the loss falls.
    """
    w, b = np.zeros(x.shape[1]), 0.0
    ones = np.append(x, np.ones((len(x), 1)), axis=1)
    loss, cache = logistic_forward(x, y, w, b, weights, l2)
    for _ in range(STEPS):
        gradient = np.append(*logistic_backward(cache))
        p = sigmoid(cache[2])
        H = ones.T @ ((weights * p * (1 - p))[:, None] * ones)
        H += np.diag(np.append(np.full(len(w), l2), 1e-9))  # b has no penalty
        step = np.linalg.solve(H, gradient)
        if gradient @ step < SMALL:
            break
        size = 1.0
        while size > SMALL:
            new_w, new_b = w - size * step[:-1], b - size * step[-1]
            new_loss, new_cache = logistic_forward(x, y, new_w, new_b, weights, l2)
            if new_loss < loss:
                break
            size /= 2
        else:
            break
        w, b, loss, cache = new_w, new_b, new_loss, new_cache
    return w, b


@dataclass(frozen=True)
class Classifier:
    """Tells wrong utterances from right ones.

    Attributes
    ----------
    centre, scale : ndarray of shape (D,)
        Median of the features of right utterances, and how far they spread.
    w : ndarray of shape (D,)
    b : float
    """

    centre: np.ndarray
    scale: np.ndarray
    w: np.ndarray
    b: float

    @classmethod
    def train(cls, right, wrong, l2=L2):
        """Train on features (N, D) of right and of wrong utterances, which count alike.

        Raises a ValueError if there are none of either kind.
        """
        if not len(right) or not len(wrong):
            raise ValueError("expected right and wrong utterances to learn from, both")
        low, centre, high = np.percentile(right, [10, 50, 90], axis=0)
        scale = np.where(high > low, high - low, 1.0)
        y = np.repeat([0.0, 1.0], [len(right), len(wrong)])
        weights = np.repeat([0.5 / len(right), 0.5 / len(wrong)], [len(right), len(wrong)])
        x = _standardise(np.concatenate([right, wrong]), centre, scale)
        return cls(centre, scale, *minimise(x, y, weights, l2))

    def probability(self, x):
        """Compute the probability (N,) that utterances with features x (N, D) are wrong.

        It is that where as many are wrong as right; see `adapt_to_share`.
        """
        return sigmoid(_standardise(x, self.centre, self.scale) @ self.w + self.b)


def _standardise(x, centre, scale):
    return np.clip((x - centre) / scale, -CLIP, CLIP)


def adapt_to_share(probability, share):
    """Convert probabilities for equal shares of wrong and right to another share of wrong ones."""
    # Bayes: the odds are multiplied by the ratio of the shares.
    odds = share / (1 - share)
    return probability * odds / (probability * odds + 1 - probability)


def choose_threshold(probability, y, share, cost):
    """Find the threshold of the probability with the least expected cost of an utterance.

    Parameters
    ----------
    probability : ndarray of shape (N,)
        Of being wrong; utterances above the threshold are left out.
    y : ndarray of shape (N,)
        1 for wrong, 0 for right.
    share : float
        Of wrong ones where the threshold will be used.
    cost : float
        Of a wrong utterance that is kept, in right ones that are left out.

    Returns
    -------
    float
        From 0 to 1.
    """
    y = np.asarray(y, bool)
    thresholds = np.unique(np.concatenate([[0.0, 1.0], probability]))
    wrong, right = np.sort(probability[y]), np.sort(probability[~y])
    kept = np.searchsorted(wrong, thresholds, side="right") / max(len(wrong), 1)
    lost = 1 - np.searchsorted(right, thresholds, side="right") / max(len(right), 1)
    costs = share * cost * kept + (1 - share) * lost
    best = np.flatnonzero(costs <= costs.min() + 1e-12)
    return float((thresholds[best[0]] + thresholds[best[-1]]) / 2)


def precision_recall(probability, y, share=None):
    """Compute precision and recall for each threshold, from the highest one down.

    Parameters
    ----------
    probability, y
        See `choose_threshold`. Utterances at or above a threshold are taken for wrong.
    share : float, optional
        Of wrong ones for which the precision is; by default that of y.

    Returns
    -------
    thresholds, precision, recall : ndarray
    """
    y = np.asarray(y, bool)
    thresholds = np.unique(probability)[::-1]
    recall, alarms = (
        1 - np.searchsorted(np.sort(probability[of]), thresholds) / max(of.sum(), 1)
        for of in (y, ~y)
    )
    share = y.mean() if share is None else share
    found, false = share * recall, (1 - share) * alarms
    return thresholds, found / np.maximum(found + false, 1e-300), recall
