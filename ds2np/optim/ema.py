"""A moving average (EMA) of the weights: the network that is evaluated and saved.

Minibatch gradients make the weights fluctuate around a minimum; their mean is closer to it (Polyak
and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"). See chapter 06.
"""

import contextlib

from ds2np.errors import check_floats
from ds2np.layers.flat import copy_arrays

WARM_UP = 10  # limits the window of the mean to about a tenth of the steps so far


class EMA:
    """An exponential moving average of the weights, in `mean`.

    Parameters
    ----------
    params : dict of str to ndarray
        The weights, changed in place by training.
    keep : float
        Largest decay, from 0 to below 1: 0.98 averages over about 50 steps, 0 gives the weights
        themselves.

    Raises
    ------
    ValueError
        If `keep` is out of its range, or a weight is not float32 or float64.
    """

    def __init__(self, params, keep):
        if not 0 <= keep < 1:
            raise ValueError(f"keep is {keep}, expected a number from 0 to below 1")
        for name, value in params.items():
            check_floats(value, f"the parameter {name}")
        self.params, self.keep = params, keep
        self.mean = copy_arrays(params)

    def decay(self, steps):
        """Return the decay of the mean at a step, given the number of steps so far."""
        return min(self.keep, steps / (steps + WARM_UP))  # soon forgets the initial weights

    def update(self, steps):
        """Add the weights after a step, given the number of steps so far."""
        keep = self.decay(steps)
        for name, param in self.params.items():
            mean = self.mean[name]
            mean -= param
            mean *= param.dtype.type(keep)
            mean += param

    @contextlib.contextmanager
    def in_place(self):
        """Replace the weights by their mean within a ``with`` block."""
        weights = {name: value.copy() for name, value in self.params.items()}
        self._put(self.mean)
        try:
            yield
        finally:
            self._put(weights)

    def _put(self, values):
        for name, param in self.params.items():
            param[...] = values[name]
