"""What a network puts out, as log-probabilities."""

from ds2np.backend import get_array_module
from ds2np.errors import UserError
from ds2np.layers import log_softmax


def log_probs_of(logits):
    """Return the log-softmax of logits (..., V); raise a UserError if any is NaN or infinite."""
    if not get_array_module(logits).isfinite(logits).all():
        raise UserError(
            "the outputs of the network are not finite; train it with a smaller learning rate"
        )
    return log_softmax(logits)
