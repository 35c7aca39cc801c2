"""Stochastic gradient descent as in the paper: Nesterov momentum, clipped, annealed."""

import numpy as np

from ds2np.backend import get_array_module


def global_norm(grads):
    """Compute the Euclidean norm of all gradients together.

    Parameters
    ----------
    grads : dict of str to ndarray

    Returns
    -------
    float
    """
    total = 0.0
    for grad in grads.values():
        flat = grad.ravel()
        total = total + (flat @ flat).astype(np.float64)
    return float(total) ** 0.5


class SGD:
    """Step against the gradient, with Nesterov momentum.

    With velocity v, gradient g, rate r and momentum m, one step is v <- m v - r g and
    w <- w + m v - r g: the gradient is taken as if the velocity had been followed already.

    Parameters
    ----------
    params, grads : dict of str to ndarray
        Changed in place.
    learning_rate : float
    momentum : float
        The paper has 0.99.
    max_norm : float
        Gradients of a larger norm are scaled down to it; the paper has 400.
    """

    def __init__(self, params, grads, learning_rate, momentum=0.99, max_norm=400.0):
        self.params, self.grads = params, grads
        self.learning_rate, self.momentum, self.max_norm = learning_rate, momentum, max_norm
        self.velocity = {
            name: get_array_module(value).zeros_like(value) for name, value in params.items()
        }

    def step(self):
        """Clip the gradients and move the parameters.

        Returns
        -------
        float
            The norm of the gradients before clipping. Where it is not finite, nothing is moved.
        """
        norm = global_norm(self.grads)
        if not np.isfinite(norm):
            return norm
        self.move(self.learning_rate * min(1.0, self.max_norm / max(norm, 1e-12)))
        return norm

    def move(self, rate):
        """Move velocity and parameters, whatever the norm of the gradients is.

        Parameters
        ----------
        rate : float
        """
        for name, param in self.params.items():
            velocity, grad = self.velocity[name], self.grads[name]
            push = grad * param.dtype.type(rate)
            velocity *= param.dtype.type(self.momentum)
            velocity -= push
            param += velocity * param.dtype.type(self.momentum)
            param -= push
