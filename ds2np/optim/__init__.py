"""Stochastic gradient descent, and the moving average of the weights."""

from ds2np.optim.ema import EMA
from ds2np.optim.sgd import SGD, global_norm

__all__ = ["EMA", "SGD", "global_norm"]
