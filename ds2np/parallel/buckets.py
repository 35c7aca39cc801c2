"""Add gradients up over all ranks while the backward pass still goes on.

The backward pass runs from the last layer to the first. As soon as the layers at the end have their
gradients, these can travel, hidden behind the arithmetic of the layers before. Small gradients wait
for others, since each message costs a fixed time, too: several layers make one bucket.
"""

MIN_NUMBERS = 2**20  # numbers in a bucket, at least; the rest at the front may be fewer


class Buckets:
    """The gradients of a network, cut into pieces that are added up one after the other.

    Parameters
    ----------
    model : DeepSpeech2
    communicator : Communicator
    smallest : int
        Numbers in a bucket.
    """

    def __init__(self, model, communicator, smallest=MIN_NUMBERS):
        self._flat, self._communicator = model.flat_grads, communicator
        self._closing = {}  # the layer whose backward pass completes a bucket: where it lies
        stop = start = len(self._flat)
        for name, layer in reversed(model.sublayers.items()):
            start -= sum(grad.size for grad in layer.grads.values())
            if stop - start >= smallest or (start == 0 and stop > 0):
                self._closing[name] = slice(start, stop)
                stop = start
        self._waiting, self._handles = list(self._closing.values()), []

    def layer_done(self, name):
        """Begin to add up the bucket that a layer completes, if it completes one."""
        if name in self._closing:
            self._begin(self._closing[name])

    def begin_rest(self):
        """Begin with all buckets that have not been begun, where no backward pass was run."""
        for bucket in list(self._waiting):
            self._begin(bucket)

    def _begin(self, bucket):
        self._waiting.remove(bucket)
        self._handles.append(self._communicator.begin_sum(self._flat[bucket]))

    def finish(self):
        """Return when all gradients are the sums over all ranks."""
        self.begin_rest()
        for handle in self._handles:
            handle.wait()
        self._waiting, self._handles = list(self._closing.values()), []
