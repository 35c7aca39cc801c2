"""Stochastic gradient descent with Nesterov momentum and gradient clipping, as in the paper.

Chapter 06 derives the update; the training loop anneals the learning rate.
"""

import numpy as np

from ds2np.backend import get_array_module


def global_norm(grads):
    """Compute the Euclidean norm over all gradients of a dict."""
    total = 0.0
    for grad in grads.values():
        flat = grad.ravel()
        total = total + (flat @ flat).astype(np.float64)
    return float(total) ** 0.5


class SGD:
    """Gradient descent with Nesterov momentum.

    With velocity v, gradient g, learning rate r and momentum m, one step is v <- m v - r g and
    w <- w + m v - r g: the weights look ahead along the velocity. The paper uses m = 0.99.

    Parameters
    ----------
    params, grads : dict of str to ndarray
        Changed in place.
    max_norm : float
        Gradients with a larger norm are scaled down to it; the paper uses 400.
    """

    def __init__(self, params, grads, learning_rate, momentum=0.99, max_norm=400.0):
        self.params, self.grads = params, grads
        self.learning_rate, self.momentum, self.max_norm = learning_rate, momentum, max_norm
        self.velocity = {
            name: get_array_module(value).zeros_like(value) for name, value in params.items()
        }

    def step(self):
        """Clip the gradients, update the parameters and return the norm before clipping.

        A norm that is not finite leaves the parameters unchanged.
        """
        norm = global_norm(self.grads)
        if not np.isfinite(norm):
            return norm
        self.move(self.learning_rate * min(1.0, self.max_norm / max(norm, 1e-12)))
        return norm

    def move(self, rate):
        """Update velocity and parameters with learning rate `rate`, without clipping."""
        for name, param in self.params.items():
            velocity, grad = self.velocity[name], self.grads[name]
            push = grad * param.dtype.type(rate)
            velocity *= param.dtype.type(self.momentum)
            velocity -= push
            param += velocity * param.dtype.type(self.momentum)
            param -= push
