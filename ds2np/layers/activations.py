"""The paper's nonlinearity, the clipped ReLU f(x) = min(max(x, 0), 20), and tanh.

Chapter 02 introduces the clipped ReLU; chapter 04 shows why recurrent layers need the ceiling.
"""

from ds2np import kernels
from ds2np.backend import get_array_module
from ds2np.kernels.padding import clipped_relu_by_kernel, clipped_relu_gradient_by_kernel
from ds2np.layers.base import Layer, check_time_axis
from ds2np.layers.padding import check_batch, zero_padding

CEILING = 20


def clipped_relu_forward(x):
    """Clip x to the range from 0 to 20; the cache is True where the gradient passes.

    The ceiling keeps a recurrent layer's state, and with it the gradient, from growing without
    bound (paper, "Recurrent layers").
    """
    out = activate("clipped_relu", x)
    return out, slope_from_output("clipped_relu", out)


def clipped_relu_backward(dout, cache):
    """Compute dx of `clipped_relu_forward` from dout of the same shape."""
    return dout * cache  # dx = dout f'(x)


def activate(activation, x, out=None):
    """Compute f(x), where f is "clipped_relu" or "tanh"; `out`, if given, may be x itself."""
    xp = get_array_module(x)
    if activation == "tanh":
        return xp.tanh(x, out=out)
    return xp.clip(x, 0, CEILING, out=out)  # f(x) = min(max(x, 0), 20)


def slope_from_output(activation, out):
    """Return the derivative f'(x) of "clipped_relu" or "tanh", given out = f(x)."""
    if activation == "tanh":
        return 1 - out * out  # tanh' = 1 - tanh^2
    return (out > 0) & (out < CEILING)  # 1 within the range; 0 outside and at both kinks


class ClippedReLU(Layer):
    """The clipped ReLU; `time_axis` is 1 for inputs (N, T, H) and 2 for (N, C, T, F)."""

    def __init__(self, time_axis=1):
        super().__init__()
        check_time_axis(time_axis)
        self.time_axis = time_axis

    def forward(self, x, lengths):
        axes = ("N", "T", "H") if self.time_axis == 1 else ("N", "C", "T", "F")
        lengths = check_batch(x, lengths, axes)
        if kernels.support(x):
            out = cache = clipped_relu_by_kernel(x, lengths, self.time_axis, CEILING)
        else:
            out, cache = clipped_relu_forward(zero_padding(x, lengths, self.time_axis))
        self._cache = cache, lengths
        return out

    def backward(self, dout):
        cache, lengths = self.take_cache(dout)
        if kernels.support(cache):
            return clipped_relu_gradient_by_kernel(dout, cache, lengths, self.time_axis, CEILING)
        return clipped_relu_backward(zero_padding(dout, lengths, self.time_axis), cache)
