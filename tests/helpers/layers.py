"""Layers of the registry, ready to be tried, and what the contract asks of their gradients."""

import numpy as np

from ds2np.gradcheck.cases import LENGTHS


def make(case, training, dtype=np.float64):
    """Return a layer with parameters and buffers away from 0 and 1."""
    layer = case.layer(dtype)
    for value in layer.params.values():
        value += 0.1 * np.random.default_rng(0).standard_normal(value.shape)
    for name, buffer in layer.buffers.items():
        buffer += 0.3 if name.endswith("mean") else 0.5
    layer.set_training(training)
    return layer


def time_axis(x):
    return 2 if x.ndim == 4 else 1


def assert_gradients_add_up(case, rng):
    """Two backward passes give twice the gradients of one; zero_grads clears them."""
    layer, x = case.layer(), case.x(rng)
    upstream = rng.standard_normal(layer.forward(x, LENGTHS).shape)
    layer.backward(upstream)
    once = {name: grad.copy() for name, grad in layer.grads.items()}
    layer.forward(x, LENGTHS)
    layer.backward(upstream)
    for name, grad in layer.grads.items():
        np.testing.assert_allclose(grad, 2 * once[name], rtol=1e-12, atol=1e-15)
    layer.zero_grads()
    assert all((grad == 0).all() for grad in layer.grads.values())
