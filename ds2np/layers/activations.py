"""The paper's nonlinearity, used everywhere: f(x) = min(max(x, 0), 20)."""

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import zero_padding

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
        out, cache = clipped_relu_forward(zero_padding(x, lengths, self.time_axis))
        self._cache = cache, lengths
        return out

    def backward(self, dout):
        cache, lengths = self.take_cache()
        return clipped_relu_backward(zero_padding(dout, lengths, self.time_axis), cache)
