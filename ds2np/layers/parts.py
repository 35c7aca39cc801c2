"""Work on a large array part by part: a part stays in the cache of a core, and threads share them.

An operation on an array that is larger than the cache takes as long as its numbers need to come
from memory and to go back. Several operations in a row on one part need that once. Chapter 11 shows
it.
"""

from ds2np.backend import is_on_gpu
from ds2np.machine import map_in_threads, spare_threads


def map_parts(function, x, size):
    """Return function(part) for slices of `size` along the leading axis of x, in their order.

    On a GPU there is one part, as there is for an x that is no longer than `size`.
    """
    if is_on_gpu(x) or len(x) <= size:
        return [function(slice(None))]
    parts = [slice(i, i + size) for i in range(0, len(x), size)]
    return map_in_threads("parts", spare_threads(), function, parts)
