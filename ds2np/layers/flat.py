"""Many arrays in one piece of memory, the flat array: one operation for all of them.

All-reduce, optimiser and zeroing then take as many operations as for a single array.
"""

import math

from ds2np.backend import get_array_module

# Each array begins at a multiple of as many numbers, 256 bytes of float32: matrix products are
# slower on arrays that begin anywhere. The numbers in between are 0 and stay so.
ALIGNMENT = 64


def _starts(arrays):
    """Yield name, array and first number in the flat array of each array of a dict."""
    start = 0
    for name, array in arrays.items():
        yield name, array, start
        start += math.ceil(array.size / ALIGNMENT) * ALIGNMENT


def flat_size(arrays):
    """Return the number of numbers in the flat array of a dict of arrays."""
    return sum(math.ceil(array.size / ALIGNMENT) * ALIGNMENT for array in arrays.values())


def flat_views(flat, arrays):
    """Return views of a flat array by name, of the shapes of the arrays of a dict."""
    return {
        name: flat[start : start + array.size].reshape(array.shape)
        for name, array, start in _starts(arrays)
    }


def flatten(arrays):
    """Return a flat array with the numbers of all arrays of a dict."""
    like = next(iter(arrays.values()))
    flat = get_array_module(like).zeros(flat_size(arrays), like.dtype)
    for name, view in flat_views(flat, arrays).items():
        view[...] = arrays[name]
    return flat


def find_flat(arrays):
    """Return the flat array whose `flat_views` the arrays of a dict are; None if there is none."""
    flat = next((array.base for array in arrays.values()), None)
    if flat is None or flat.shape != (flat_size(arrays),):
        return None
    first = _address(flat)
    for _, array, start in _starts(arrays):
        in_its_place = _address(array) == first + start * flat.itemsize
        if not in_its_place or array.dtype != flat.dtype or not array.flags.c_contiguous:
            return None
    return flat


def _address(array):
    return array.ctypes.data if hasattr(array, "ctypes") else array.data.ptr


def copy_arrays(arrays):
    """Copy the arrays of a dict; views of a flat array become views of a copy of it."""
    flat = find_flat(arrays)
    if flat is None:
        return {name: array.copy() for name, array in arrays.items()}
    return flat_views(flat.copy(), arrays)
