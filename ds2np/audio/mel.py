"""Mel bands: frequencies summed in bands as wide as the ear's.

The mel scale is perceived pitch: linear in frequency below 1000 Hz, logarithmic above. Paper,
"Input": the spectrogram is linear in frequency. Mel bands, several times fewer, are the usual
choice elsewhere. Chapter 01 builds them.
"""

import functools

import numpy as np

from ds2np.audio.checks import check_axes
from ds2np.backend import get_array_module
from ds2np.errors import UserError, check_whole

# Slaney's scale is linear up to 1000 Hz = 15 mel; above, one mel multiplies the frequency by
# exp(SLANEY_STEP).
SLANEY_STEP = np.log(6.4) / 27


def hertz_to_mel(hertz):
    """Convert hertz to mel by the formula of Slaney's Auditory Toolbox.

    mel = 15 f / 1000 below 1000 Hz, and 15 + ln(f / 1000) / (ln(6.4) / 27) above.
    """
    logarithmic = 15 + np.log(np.maximum(hertz, 1000) / 1000) / SLANEY_STEP
    return np.where(hertz < 1000, 15 * hertz / 1000, logarithmic)


def mel_to_hertz(mel):
    """Convert mel to hertz; see `hertz_to_mel`."""
    return np.where(mel < 15, 1000 * mel / 15, 1000 * np.exp(SLANEY_STEP * (mel - 15)))


@functools.cache
def mel_filters(sample_rate, size, mels):
    """Return the weight of each frequency in each mel band.

    Band m is a triangle that rises from the centre of band m - 1 to its own and falls to that of
    band m + 1. Its area over hertz is 1, so that wide bands are no louder than narrow ones. The
    centres are evenly spaced in mel from 0 to half the sampling rate.

    Parameters
    ----------
    sample_rate : int
        In hertz.
    size : int
        Samples in a window.
    mels : int
        Number of bands.

    Returns
    -------
    ndarray of float64 of shape (mels, F)
        F = size // 2 + 1 frequencies. In main memory, read-only.

    Raises
    ------
    UserError
        If a band is so narrow that it contains none of the frequencies.
    """
    for name, value in ("the sampling rate", sample_rate), ("the window", size), ("mels", mels):
        check_whole(name, value)
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
            f"{len(empty)} of the bands contain none; use fewer bands or a longer window"
        )
    filters *= 2 / (right - left)
    filters.flags.writeable = False  # all callers share the cached array
    return filters


def mel_forward(power, filters):
    """Sum power (T, F) in mel bands (T, mels): out = power @ filters.T, from `mel_filters`."""
    check_axes(power, "T", "F")
    filters = get_array_module(power).asarray(filters, dtype=power.dtype)
    return power @ filters.T, filters


def mel_backward(dout, cache):
    """Compute dpower (T, F) of `mel_forward` from dout (T, mels)."""
    return dout @ cache
