"""Stochastic gradient descent with Nesterov momentum and gradient clipping, as in the paper.

Chapter 06 derives the update; the training loop anneals the learning rate.
"""

import numpy as np

from ds2np import kernels
from ds2np.errors import check_floats
from ds2np.kernels.update import update_by_kernel
from ds2np.layers.flat import copy_arrays, find_flat


def global_norm(grads):
    """Compute the Euclidean norm over all gradients of a dict, in float32 or float64."""
    total = 0.0
    for name, grad in grads.items():
        check_floats(grad, f"the gradient of {name}")
        flat = grad.ravel()
        total = total + (flat @ flat).astype(np.float64)
    return float(total) ** 0.5


def check_match(params, grads):
    """Raise a ValueError unless parameters and gradients agree in names, shapes and dtypes."""
    if names := sorted(params.keys() ^ grads.keys()):
        found, missing = (
            ("parameter", "gradient") if names[0] in params else ("gradient", "parameter")
        )
        raise ValueError(f"there is a {found} {names[0]!r}, but no {missing} of that name")
    for name, param in params.items():
        check_floats(param, f"the parameter {name}")
        check_floats(grads[name], f"the gradient of {name}")
        of_param, of_grad = ((a.dtype, a.shape) for a in (param, grads[name]))
        if of_param != of_grad:
            raise ValueError(
                "the gradient of {} is {} {}, expected {} {}".format(name, *of_grad, *of_param)
            )


class SGD:
    """Gradient descent with Nesterov momentum.

    With velocity v, gradient g, learning rate r and momentum m, one step is v <- m v - r g and
    w <- w + m v - r g: the weights look ahead along the velocity. The paper uses m = 0.99.

    Parameters
    ----------
    params, grads : dict of str to ndarray
        Changed in place; of the same names, shapes and dtypes.
    learning_rate : float
        Not negative.
    momentum : float
        From 0 to below 1: from 1 on, the velocity would grow without bound.
    max_norm : float
        Gradients with a larger norm are scaled down to it; the paper uses 400, infinity never does.

    Raises
    ------
    ValueError
        If gradients do not match the parameters, or a number is out of its range.
    """

    def __init__(self, params, grads, learning_rate, momentum=0.99, max_norm=400.0):
        check_match(params, grads)
        if not 0 <= learning_rate < np.inf:
            raise ValueError(f"the learning rate is {learning_rate}, expected a number from 0")
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum is {momentum}, expected a number from 0 to below 1")
        if not max_norm > 0:
            raise ValueError(f"max_norm is {max_norm}, expected a number above 0")
        self.params, self.grads = params, grads
        self.learning_rate, self.momentum, self.max_norm = learning_rate, momentum, max_norm
        self.velocity = copy_arrays(params)
        for value in self.velocity.values():
            value[...] = 0

    def step(self, ema=None, steps=0):
        """Clip the gradients, update the parameters and return the norm before clipping.

        A norm that is not finite leaves everything unchanged. With an `EMA` of the parameters and
        the number of steps, this one included, its mean is updated, too.
        """
        if flats := self._flat_arrays(ema):
            decay = ema.decay(steps) if ema else None
            numbers = self.learning_rate, self.max_norm, self.momentum, decay
            return float(update_by_kernel(*flats, *numbers)[0])  # waits, once all has moved
        norm = global_norm(self.grads)
        if not np.isfinite(norm):
            return norm
        self.move(self.learning_rate * min(1.0, self.max_norm / max(norm, 1e-12)))
        if ema:
            ema.update(steps)
        return norm

    def _flat_arrays(self, ema):
        """Return weights, gradient, velocity and mean (None without an EMA) as flat arrays.

        Or None where kernels cannot update them at once.
        """
        groups = [self.params, self.grads, self.velocity, *([ema.mean] if ema else [])]
        if not kernels.support(next(iter(self.params.values()), None)):
            return None
        flats = [find_flat(arrays) for arrays in groups]
        in_one_order = all(list(arrays) == list(self.params) for arrays in groups)
        if not in_one_order or not all(
            flat is not None and kernels.support(flat) for flat in flats
        ):
            return None
        return flats if ema else [*flats, None]

    def move(self, rate):
        """Update velocity and parameters with learning rate `rate`, without clipping."""
        for name, param in self.params.items():
            velocity, grad = self.velocity[name], self.grads[name]
            push = grad * param.dtype.type(rate)
            velocity *= param.dtype.type(self.momentum)
            velocity -= push
            param += velocity * param.dtype.type(self.momentum)
            param -= push
