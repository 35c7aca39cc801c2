"""The log-softmax, from logits to log-probabilities (chapter 05)."""

from ds2np.backend import get_array_module
from ds2np.errors import check_floats


def log_softmax(x):
    """Convert logits (..., V) of float32 or float64 to log-probabilities over the last axis.

    It has no backward pass: `ctc_loss` takes logits and includes the gradient of the softmax.
    """
    check_floats(x, "the array of logits")
    xp = get_array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)  # the maximum becomes 0: no overflow
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))  # x - log sum exp(x)
