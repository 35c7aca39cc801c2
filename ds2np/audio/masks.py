"""SpecAugment (Park et al., 2019): parts of a spectrogram are hidden, so that others must do.

A network that has learned to read a word by one formant fails on whom it has not heard. If a band
of frequencies or a span of time is hidden now and then, it has to use all that tells words apart.
"""

from dataclasses import dataclass

from ds2np.audio.checks import check_axes
from ds2np.errors import UserError, check_whole


@dataclass(frozen=True)
class Masks:
    """How much of a spectrogram is hidden.

    Attributes
    ----------
    bands, spans : int
        Of frequencies and of frames; they may overlap.
    widest, longest : float
        The largest share of the frequencies that a band hides, and of the frames that a span does,
        up to 1; the share is drawn uniformly.

    Raises
    ------
    UserError
        If a number is not whole, or a share is not between 0 and 1.
    """

    bands: int = 2
    widest: float = 0.15
    spans: int = 2
    longest: float = 0.07

    def __post_init__(self):
        for name in ("bands", "spans"):
            check_whole(f"the number of {name}", getattr(self, name), 0)
        for name in ("widest", "longest"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} is {getattr(self, name)}; expected a share, 0 to 1")


def mask(x, rng, masks=None):
    """Hide bands and spans of a spectrogram behind its mean.

    Parameters
    ----------
    x : ndarray of shape (T, F)
        Features of an utterance. Not modified.
    rng : Generator
    masks : Masks, optional
        By default, ``Masks()``.

    Returns
    -------
    ndarray of shape (T, F)
        In a hidden element, the mean of the utterance at its frequency: 0 in features that are
        normalised by utterance.
    """
    check_axes(x, "T", "F")
    masks, out, mean = masks or Masks(), x.copy(), x.mean(axis=0)
    for _ in range(masks.bands):
        hidden = _draw(rng, x.shape[1], masks.widest)
        out[:, hidden] = mean[hidden]
    for _ in range(masks.spans):
        out[_draw(rng, len(x), masks.longest)] = mean
    return out


def _draw(rng, size, share):
    """Draw a slice of up to a share of an axis."""
    length = int(rng.uniform(0, share) * size + 0.5)
    start = int(rng.integers(size - length, endpoint=True))
    return slice(start, start + length)
