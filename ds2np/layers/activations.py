"""The paper's nonlinearity, used everywhere: f(x) = min(max(x, 0), 20); and tanh beside it."""

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding

CEILING = 20


def clipped_relu_forward(x):
    """Cut values off below 0 and above 20.

    The ceiling keeps a recurrent layer's state, and with it the gradient, from growing without
    bound (paper, "Recurrent layers").

    Parameters
    ----------
    x : ndarray

    Returns
    -------
    out : ndarray of the shape of x
    cache : ndarray of bool
        Where the gradient passes.
    """
    xp = get_array_module(x)
    out = xp.clip(x, 0, CEILING)
    return out, out == x


def clipped_relu_backward(dout, cache):
    """Compute the gradient of `clipped_relu_forward`.

    Parameters
    ----------
    dout : ndarray
    cache : ndarray of bool

    Returns
    -------
    dx : ndarray of the shape of dout
    """
    return dout * cache


def apply_in_place(activation, x):
    """Replace numbers by their activation, for the loops of recurrent layers.

    Parameters
    ----------
    activation : {"clipped_relu", "tanh"}
    x : ndarray
    """
    xp = get_array_module(x)
    if activation == "tanh":
        xp.tanh(x, out=x)
    else:
        xp.maximum(x, 0, out=x)
        xp.minimum(x, CEILING, out=x)


def slope_from_output(activation, out):
    """Return the derivative of an activation where its output is known.

    Parameters
    ----------
    activation : {"clipped_relu", "tanh"}
    out : ndarray

    Returns
    -------
    ndarray of the shape of out
    """
    return 1 - out * out if activation == "tanh" else (out > 0) & (out < CEILING)


class ClippedReLU(Layer):
    """Apply min(max(x, 0), 20) to every number.

    Parameters
    ----------
    time_axis : int
        The axis of the input that counts frames: 1 for (N, T, H), 2 for (N, C, T, F).
    """

    def __init__(self, time_axis=1):
        super().__init__()
        self.time_axis = time_axis

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", "H") if self.time_axis == 1 else ("N", "C", "T", "F"))
        out, cache = clipped_relu_forward(zero_padding(x, lengths, self.time_axis))
        self._cache = cache, lengths
        return out

    def backward(self, dout):
        cache, lengths = self.take_cache()
        return clipped_relu_backward(zero_padding(dout, lengths, self.time_axis), cache)
