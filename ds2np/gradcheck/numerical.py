"""Is a backward pass right? Ask the forward pass, by finite differences.

A backward pass is right if it agrees with (f(x + eps) - f(x - eps)) / (2 eps) for every number that
it differentiates by. The upstream gradient is random: with ones, many wrong backward passes pass.
"""

from dataclasses import dataclass

import numpy as np

TOLERANCE = 1e-6


def numerical_gradient(f, x, eps=1e-5):
    """Differentiate a function of an array by central differences.

    Parameters
    ----------
    f : callable
        Takes no argument and returns a number that depends on x; called twice for each element.
    x : ndarray
        Changed in place and put back; float64, or the differences drown in rounding.
    eps : float

    Returns
    -------
    ndarray of the shape of x
    """
    if x.dtype != np.float64:
        raise ValueError(f"x is {x.dtype}; finite differences need float64")
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
    """The gradient of one array against its numerical gradient.

    Attributes
    ----------
    name : str
    error : float
        Largest difference, divided by the largest entry of the numerical gradient (at least 1e-3).
    index : tuple of int
        Where the difference is largest.
    got, expected : float
        Backward pass and finite difference there.
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
    """Compare a gradient with the one expected, all elements.

    Parameters
    ----------
    name : str
        What the gradient is taken by.
    got, expected : ndarray

    Returns
    -------
    Comparison

    Raises
    ------
    ValueError
        If the two differ in shape.
    """
    if got.shape != expected.shape:
        raise ValueError(
            f"gradient of {name} has shape {got.shape}; its array has {expected.shape}"
        )
    if got.size == 0:
        return Comparison(name, 0.0, (), 0.0, 0.0)
    difference = np.where(np.isfinite(got), np.abs(got - expected), np.inf)
    index = tuple(int(i) for i in np.unravel_index(difference.argmax(), got.shape))
    scale = max(np.abs(expected).max(), 1e-3)
    return Comparison(
        name, float(difference[index] / scale), index, float(got[index]), float(expected[index])
    )


def check_gradients(loss, backward, arrays, eps=1e-5):
    """Compare what a backward pass says about several arrays with finite differences.

    Parameters
    ----------
    loss : callable
        Takes no argument, returns a number.
    backward : callable
        Takes no argument, returns the gradients by name; called once, after one call of loss.
    arrays : dict of str to ndarray
        What to differentiate by; float64, changed in place and put back.
    eps : float

    Returns
    -------
    list of Comparison
    """
    loss()
    gradients = backward()
    return [
        compare_gradients(name, gradients[name], numerical_gradient(loss, array, eps))
        for name, array in arrays.items()
    ]


def perturb(params, rng):
    """Move parameters away from their initial zeros and ones, where mistakes would hide."""
    for value in params.values():
        value += 0.1 * rng.standard_normal(value.shape)


def check_layer(layer, x, lengths, seed=0):
    """Check a layer's backward pass for its input and for every parameter.

    Parameters
    ----------
    layer : Layer
        In float64; its parameters are perturbed first.
    x : ndarray of shape (N, ...)
        Input in float64, away from the layer's kinks.
    lengths : ndarray of shape (N,)
    seed : int
        Of the random upstream gradient.

    Returns
    -------
    list of Comparison
        Print it, or assert that every entry is ``ok``.
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
    """Check a whole network through the CTC loss, for its input and for every parameter.

    Parameters
    ----------
    model : DeepSpeech2
        In float64; its parameters are perturbed first.
    x : ndarray of shape (N, T, F)
    lengths : ndarray of shape (N,)
    labels : ndarray of shape (N, L)
    label_lengths : ndarray of shape (N,)
    seed : int

    Returns
    -------
    list of Comparison
    """
    from ds2np.ctc import ctc_loss

    perturb(model.params, np.random.default_rng(seed))

    def run():
        logits, out_lengths = model.forward(x, lengths)
        return ctc_loss(logits, labels, out_lengths, label_lengths)

    def backward():
        model.zero_grads()
        dx = model.backward(run()[1])
        return {"x": dx, **{name: grad.copy() for name, grad in model.grads.items()}}

    return check_gradients(lambda: float(run()[0].sum()), backward, {"x": x, **model.params})
