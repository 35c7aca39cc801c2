"""Gradient checks: backward passes against central differences of the forward pass.

Every element of a gradient has to agree with (f(x + eps) - f(x - eps)) / (2 eps). The upstream
gradient is random: with ones, many wrong backward passes would go undetected.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.ctc import ctc_loss

TOLERANCE = 1e-6


def numerical_gradient(f, x, eps=1e-5):
    """Compute the gradient of f with respect to x, of the shape of x, by central differences.

    Parameters
    ----------
    f : callable
        Takes no arguments and returns a number that depends on x; called twice per element.
    x : ndarray
        In float64; changed in place and restored.
    eps : float
        Above 0.
    """
    if x.dtype != np.float64:
        raise ValueError(f"x is {x.dtype}; finite differences need float64")
    if not 0 < eps < np.inf:
        raise ValueError(f"eps is {eps}, expected a number above 0")
    gradient = np.zeros_like(x)
    for index in np.ndindex(x.shape):
        value = x[index]
        x[index] = value + eps
        above = f()
        x[index] = value - eps
        below = f()
        x[index] = value
        gradient[index] = (above - below) / (2 * eps)
    return gradient


@dataclass(frozen=True)
class Comparison:
    """The comparison of a gradient with its numerical gradient.

    Attributes
    ----------
    error : float
        Largest difference, divided by the largest entry of the numerical gradient (at least 1e-3).
    index : tuple of int
        Index of the largest difference.
    got, expected : float
        Gradient and numerical gradient at that index.
    """

    name: str
    error: float
    index: tuple
    got: float
    expected: float

    @property
    def ok(self):
        """Whether the error is within the tolerance."""
        return self.error < TOLERANCE

    def __str__(self):
        verdict = "ok   " if self.ok else "WRONG"
        line = f"{verdict} {self.name:<24} scaled error {self.error:.1e}"
        if not self.ok:
            index = ", ".join(map(str, self.index))
            line += f", largest at [{index}]: got {self.got:.6g}, expected {self.expected:.6g}"
        return line


def compare_gradients(name, got, expected):
    """Return the `Comparison` of two gradients; raise ValueError if their shapes differ."""
    if not hasattr(got, "shape"):
        raise ValueError(f"gradient of {name}: expected an array, got {type(got).__name__}")
    if got.shape != expected.shape:
        raise ValueError(f"gradient of {name}: expected shape {expected.shape}, got {got.shape}")
    if got.size == 0:
        return Comparison(name, 0.0, (), 0.0, 0.0)
    difference = np.where(np.isfinite(got), np.abs(got - expected), np.inf)
    index = tuple(int(i) for i in np.unravel_index(difference.argmax(), got.shape))
    scale = max(np.abs(expected).max(), 1e-3)
    return Comparison(
        name, float(difference[index] / scale), index, float(got[index]), float(expected[index])
    )


def check_gradients(loss, backward, arrays, eps=1e-5):
    """Compare the gradients of several arrays with finite differences.

    Parameters
    ----------
    loss : callable
        Takes no arguments and returns a number.
    backward : callable
        Takes no arguments and returns the gradients by name; called once, after one call of loss.
    arrays : dict of str to ndarray
        The float64 arrays to differentiate with respect to; changed in place and restored.

    Returns
    -------
    list of Comparison

    Raises
    ------
    ValueError
        If the names of the gradients are not those of the arrays, or a shape differs.
    """
    loss()
    gradients = backward()
    if names := sorted(arrays.keys() ^ gradients.keys()):
        found = "no gradient" if names[0] in arrays else "a gradient"
        raise ValueError(
            f"backward returns {found} of {names[0]!r}, expected those of {', '.join(arrays)}"
        )
    return [
        compare_gradients(name, gradients[name], numerical_gradient(loss, array, eps))
        for name, array in arrays.items()
    ]


def perturb(params, rng):
    """Move parameters away from their initial zeros and ones, which can hide mistakes."""
    for value in params.values():
        value += 0.1 * rng.standard_normal(value.shape)


def check_layer(layer, x, lengths, seed=0):
    """Check a layer's gradients with respect to its input and every parameter.

    Parameters
    ----------
    layer : Layer
        In float64; its parameters are perturbed first.
    x : ndarray of shape (N, ...)
        Input in float64, away from the layer's kinks.
    lengths : ndarray of shape (N,)

    Returns
    -------
    list of Comparison
        To print, or to assert that every entry is ``ok``.
    """
    rng = np.random.default_rng(seed)
    perturb(layer.params, rng)
    upstream = rng.standard_normal(layer.forward(x, lengths).shape)

    def loss():
        return float((layer.forward(x, lengths) * upstream).sum())

    def backward():
        layer.zero_grads()
        dx = layer.backward(upstream)
        return {"x": dx, **{name: grad.copy() for name, grad in layer.grads.items()}}

    return check_gradients(loss, backward, {"x": x, **layer.params})


def check_model(model, x, lengths, labels, label_lengths, seed=0):
    """Check a whole network with the CTC loss; see `check_layer`.

    Parameters
    ----------
    x : ndarray of shape (N, T, F)
    lengths, label_lengths : ndarray of shape (N,)
    labels : ndarray of shape (N, L)
    """
    perturb(model.params, np.random.default_rng(seed))

    def run():
        logits, out_lengths = model.forward(x, lengths)
        return ctc_loss(logits, labels, out_lengths, label_lengths)

    def backward():
        model.zero_grads()
        dx = model.backward(run()[1])
        return {"x": dx, **{name: grad.copy() for name, grad in model.grads.items()}}

    return check_gradients(lambda: float(run()[0].sum()), backward, {"x": x, **model.params})
