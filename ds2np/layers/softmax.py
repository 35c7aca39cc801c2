"""From scores to log probabilities, frame by frame."""

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding


def log_softmax_forward(x):
    """Turn scores into log probabilities over the last axis.

    Parameters
    ----------
    x : ndarray of shape (..., V)

    Returns
    -------
    out : ndarray of shape (..., V)
    cache : ndarray
        For `log_softmax_backward`.
    """
    xp = get_array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)  # the largest becomes 0: nothing overflows
    out = shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
    return out, out


def log_softmax_backward(dout, cache):
    """Compute the gradient of `log_softmax_forward`.

    Parameters
    ----------
    dout : ndarray of shape (..., V)
    cache : ndarray

    Returns
    -------
    dx : ndarray of shape (..., V)
    """
    return dout - get_array_module(cache).exp(cache) * dout.sum(axis=-1, keepdims=True)


def log_softmax(x):
    """Turn scores into log probabilities over the last axis; see `log_softmax_forward`."""
    return log_softmax_forward(x)[0]


class LogSoftmax(Layer):
    """Turn the scores of each frame into log probabilities.

    The network ends in scores, not in this layer: `ctc_loss` has its own softmax.
    """

    def forward(self, x, lengths):
        check_batch(x, lengths, ("N", "T", "V"))
        out, cache = log_softmax_forward(zero_padding(x, lengths))
        self._cache = cache, lengths
        return zero_padding(out.copy(), lengths, in_place=True)  # the cache keeps its padding

    def backward(self, dout):
        cache, lengths = self.take_cache()
        return log_softmax_backward(zero_padding(dout, lengths), cache)
