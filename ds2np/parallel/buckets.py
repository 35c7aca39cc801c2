"""All-reduce of the gradients during the backward pass.

The backward pass runs from the last layer to the first, so the gradients of the last layers can be
sent while those of the first are computed. Chapter 13 explains the buckets.
"""

from ds2np.layers.flat import flat_size

MIN_NUMBERS = 2**20  # minimum size of a bucket; only the last, of the first layers, may be smaller


class Buckets:
    """The gradients of a network, in buckets that are summed one after the other.

    Each message has a fixed cost, so small layers share a bucket of at least ``smallest`` numbers.
    """

    def __init__(self, model, communicator, smallest=MIN_NUMBERS):
        self._flat, self._communicator = model.flat_grads, communicator
        self._closing = {}  # the layer that completes a bucket -> the slice of the bucket
        stop = start = len(self._flat)
        for name, layer in reversed(model.sublayers.items()):
            start -= flat_size(layer.grads)
            if stop - start >= smallest or (start == 0 and stop > 0):
                self._closing[name] = slice(start, stop)
                stop = start
        self._waiting, self._handles = list(self._closing.values()), []

    def layer_done(self, name):
        """Start to sum the bucket that a layer completes, if it completes one."""
        if name in self._closing:
            self._begin(self._closing[name])

    def begin_rest(self):
        """Start to sum all remaining buckets, as after a step without a backward pass."""
        for bucket in list(self._waiting):
            self._begin(bucket)

    def _begin(self, bucket):
        self._waiting.remove(bucket)
        self._handles.append(self._communicator.begin_sum(self._flat[bucket]))

    def finish(self):
        """Wait until all gradients are the sums over all ranks."""
        self.begin_rest()
        for handle in self._handles:
            handle.wait()
        self._waiting, self._handles = list(self._closing.values()), []
