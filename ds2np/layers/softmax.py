"""From scores to log probabilities, frame by frame."""

from ds2np.backend import get_array_module


def log_softmax(x):
    """Convert scores to log probabilities over the last axis.

    Its gradient is folded into that of `ctc_loss`, which takes the scores.

    Parameters
    ----------
    x : ndarray of shape (..., V)

    Returns
    -------
    ndarray of shape (..., V)
    """
    xp = get_array_module(x)
    shifted = x - x.max(axis=-1, keepdims=True)  # the largest becomes 0: nothing overflows
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))
