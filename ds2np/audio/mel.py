"""Gather the frequencies into bands as wide as the ear's.

The mel scale is pitch as people hear it: nearly even steps in hertz below 1000 Hz, even ratios
above. Paper, "Input": the spectrogram is linear in frequency; mel bands are the usual choice
elsewhere, and several times fewer.
"""

import functools

import numpy as np

from ds2np.backend import get_array_module
from ds2np.errors import UserError

# Slaney's scale is linear up to 1000 Hz = 15 mel; from there each mel is this factor, as natural
# logarithm.
SLANEY_STEP = np.log(6.4) / 27


def hertz_to_mel(hertz):
    """Convert frequencies to pitch, by the formula of Slaney's Auditory Toolbox."""
    logarithmic = 15 + np.log(np.maximum(hertz, 1000) / 1000) / SLANEY_STEP
    return np.where(hertz < 1000, 15 * hertz / 1000, logarithmic)


def mel_to_hertz(mel):
    """Convert pitch to frequencies; see `hertz_to_mel`."""
    return np.where(mel < 15, 1000 * mel / 15, 1000 * np.exp(SLANEY_STEP * (mel - 15)))


@functools.cache
def mel_filters(sample_rate, size, mels):
    """Return the weights with which each frequency counts in each mel band.

    Band m is a triangle that rises from the centre of band m - 1 to its own and falls to that of
    band m + 1, with area 1 over hertz, so that wide bands are no louder than narrow ones. The
    centres are spread evenly in mel from 0 to half the sampling rate.

    Parameters
    ----------
    sample_rate : int
        In hertz.
    size : int
        Samples in a window.
    mels : int
        Bands.

    Returns
    -------
    ndarray of float64 of shape (mels, F)
        F = size // 2 + 1 frequencies. In main memory, read-only.

    Raises
    ------
    UserError
        If a band is so narrow that none of the frequencies falls into it.
    """
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)  # (F,)
    highest = hertz_to_mel(sample_rate / 2)
    edges = mel_to_hertz(np.linspace(0, highest, mels + 2))[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]  # (mels, 1)
    rising, falling = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
    filters = np.maximum(np.minimum(rising, falling), 0)  # (mels, F)
    empty = np.flatnonzero(~filters.any(axis=1))
    if len(empty):
        raise UserError(
            f"{mels} mel bands are too many for {len(hertz)} frequencies, {hertz[1]:g} Hz apart: "
            f"{len(empty)} of them hold none; use fewer bands or a longer window"
        )
    filters *= 2 / (right - left)
    filters.flags.writeable = False  # everyone who asks gets the same array
    return filters


def mel_forward(power, filters):
    """Sum the power in each mel band.

    Parameters
    ----------
    power : ndarray of shape (T, F)
    filters : ndarray of shape (mels, F)
        From `mel_filters`.

    Returns
    -------
    out : ndarray of shape (T, mels)
    cache : ndarray of shape (mels, F)
        For `mel_backward`.
    """
    filters = get_array_module(power).asarray(filters, dtype=power.dtype)
    return power @ filters.T, filters


def mel_backward(dout, cache):
    """Compute the gradient of `mel_forward`.

    Parameters
    ----------
    dout : ndarray of shape (T, mels)
    cache : ndarray of shape (mels, F)

    Returns
    -------
    dpower : ndarray of shape (T, F)
    """
    return dout @ cache
