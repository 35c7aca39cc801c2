"""Dropout (Srivastava et al., 2014): features are left out at random while a network learns.

Deep Speech 2 has none; its predecessor (Hannun et al., 2014) leaves out 5 to 10 %, not between the
frames of a recurrent layer, but from one layer to the next. The mask of an utterance is the same in
all of its frames (Gal and Ghahramani, 2016).
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.layers.base import Layer
from ds2np.layers.padding import check_batch, zero_padding


def dropout_forward(x, mask):
    """Multiply x of shape (N, T, H) by a mask (N, H), the same one in all frames."""
    return x * mask[:, None]  # y_nth = x_nth m_nh


def dropout_backward(dout, mask):
    """Compute dx of `dropout_forward` from dout of the same shape."""
    return dout * mask[:, None]  # dx = dout m


def draw_mask(seed, share, like):
    """Draw 0 with the probability `share`, otherwise 1 / (1 - share), so that the mean is 1.

    For `like` of shape (N, T, H), the mask has shape (N, H) and its array module and dtype. It is
    drawn on the CPU, so that it is the same on all devices.
    """
    xp, shape = get_array_module(like), (len(like), like.shape[-1])
    if not share:
        return xp.ones(shape, like.dtype)
    drawn = np.random.default_rng(seed).random(shape)
    return xp.asarray((drawn >= share) / (1 - share), dtype=like.dtype)


class Dropout(Layer):
    """Leave out features of each utterance, (N, T, H), in training mode only.

    Parameters
    ----------
    share : float
        Probability of a feature to be left out, at least 0 and less than 1.

    Attributes
    ----------
    seed : int or tuple of int
        Of the next mask; see `seed_dropout`.
    """

    def __init__(self, share):
        super().__init__()
        if not 0 <= share < 1:
            raise ValueError(f"share is {share!r}, expected at least 0 and less than 1")
        self.share, self.seed = share, 0

    def forward(self, x, lengths):
        lengths = check_batch(x, lengths, ("N", "T", "H"))
        mask = draw_mask(self.seed, self.share if self.training else 0, x)
        self._cache = mask, lengths
        return dropout_forward(zero_padding(x, lengths), mask)

    def backward(self, dout):
        mask, lengths = self.take_cache(dout)
        return dropout_backward(zero_padding(dout, lengths), mask)


def seed_dropout(layer, seed):
    """Give each `Dropout` within a layer its own seed, which begins with a tuple of int."""
    if isinstance(layer, Dropout):
        layer.seed = seed
    for i, inner in enumerate(layer.sublayers.values()):
        seed_dropout(inner, (*seed, i))
