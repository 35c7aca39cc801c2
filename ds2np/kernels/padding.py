"""Padding set to 0 on a GPU, alone or by the clipped ReLU: one launch each.

For float32. `ds2np.layers.padding` and `ds2np.layers.activations` do the same with arrays.
"""

import functools
import math

import numpy as np

from ds2np import kernels
from ds2np.backend import get_array_module

THREADS = 256
PIECE = 16 * THREADS  # as in padding.cu


def lengths_beside(x, lengths):
    """Return lengths (N,) as int32 on the device of x.

    All layers of a step ask for the same few lengths, so copies are kept, and must not be changed.
    """
    lengths = np.ascontiguousarray(lengths, np.int32)
    return _copy(get_array_module(x), str(x.device), lengths.tobytes())


@functools.lru_cache(maxsize=64)
def _copy(xp, _device, numbers):
    return xp.asarray(np.frombuffer(numbers, np.int32))


def zero_padding_by_kernel(x, lengths, time_axis, in_place):
    """Set the padded frames of x to 0, of a copy or in place; in place, x is contiguous."""
    if in_place:
        _launch("zero_padding", lengths, time_axis, (), (x,))
        return x
    xp = get_array_module(x)
    x, out = xp.ascontiguousarray(x), xp.empty(x.shape, x.dtype)
    _launch("copy_without_padding", lengths, time_axis, (x,), (out,))
    return out


def clipped_relu_by_kernel(x, lengths, time_axis, ceiling):
    """Clip x to the range from 0 to the ceiling, and set its padded frames to 0."""
    xp = get_array_module(x)
    x, out = xp.ascontiguousarray(x), xp.empty(x.shape, x.dtype)
    _launch("clipped_relu", lengths, time_axis, (x,), (out, np.float32(ceiling)))
    return out


def clipped_relu_gradient_by_kernel(dout, out, lengths, time_axis, ceiling):
    """Compute dx from dout and the output of `clipped_relu_by_kernel`."""
    xp = get_array_module(out)
    dout, dx = xp.ascontiguousarray(dout, out.dtype), xp.empty_like(out)
    before, after = (dout, out), (dx, np.float32(ceiling))
    _launch("clipped_relu_gradient", lengths, time_axis, before, after)
    return dx


def _launch(name, lengths, time_axis, before, after):
    """Launch a kernel; lengths stand between its other arguments, sizes after them."""
    x = after[0]
    N, T = x.shape[0], x.shape[time_axis]
    runs, frame = math.prod(x.shape[1:time_axis]), math.prod(x.shape[time_axis + 1 :])
    blocks = N * runs * -(-T * frame // PIECE)
    if blocks:  # an empty grid cannot be launched
        sizes = np.int32(runs), np.int32(T * frame), np.int32(frame)
        arguments = *before, lengths_beside(x, lengths), *after, *sizes
        kernels.load("padding").get_function(name)((blocks,), (THREADS,), arguments)
