"""SGD with Nesterov momentum, and a moving average of the weights. Chapter 06 explains both."""

from ds2np.optim.ema import EMA
from ds2np.optim.sgd import SGD, global_norm

__all__ = ["EMA", "SGD", "global_norm"]
