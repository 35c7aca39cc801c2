"""The mean of the weights over the latest steps, which is what is evaluated and kept.

Each step follows the gradient of one minibatch, so the weights wander about the place to which all
of the speech together would lead them. Their mean is nearer to it (Polyak and Juditsky 1992,
"Acceleration of Stochastic Approximation by Averaging").
"""

import contextlib

WARM_UP = 10  # the mean reaches back over about a tenth of the steps so far, at most


class EMA:
    """An exponentially weighted mean of the weights.

    Parameters
    ----------
    params : dict of str to ndarray
        The weights, which go on changing.
    keep : float
        Share of the old mean in each update, at most: 0.98 averages over about the latest 50 steps,
        0 is the weights themselves.

    Attributes
    ----------
    mean : dict of str to ndarray
    """

    def __init__(self, params, keep):
        self.params, self.keep = params, keep
        self.mean = {name: value.copy() for name, value in params.items()}

    def update(self, steps):
        """Take in the weights of a step.

        Parameters
        ----------
        steps : int
            How many there have been, this one included.
        """
        keep = min(self.keep, steps / (steps + WARM_UP))  # what was there at first is forgotten
        for name, param in self.params.items():
            mean = self.mean[name]
            mean -= param
            mean *= param.dtype.type(keep)
            mean += param

    @contextlib.contextmanager
    def in_place(self):
        """Put the mean in the place of the weights for a while."""
        weights = {name: value.copy() for name, value in self.params.items()}
        self._put(self.mean)
        try:
            yield
        finally:
            self._put(weights)

    def _put(self, values):
        for name, param in self.params.items():
            param[...] = values[name]
