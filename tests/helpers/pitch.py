"""The pitch of a voice over time by autocorrelation: an oracle that shares no code with ds2np."""

import numpy as np

RATE = 16_000
HALF = 512  # samples on either side of where the pitch is measured: 64 ms in all


def contour(samples, places, hertz=(70, 400)):
    """Measure the pitch around some places (in samples) of a sound, in octaves above 1 Hz.

    hertz are the lowest and the highest pitch looked for.
    """
    window = np.hanning(2 * HALF)
    frames = np.stack([samples[place - HALF : place + HALF] for place in places]) * window
    correlation = _autocorrelate(frames) / _autocorrelate(window)  # as if all lags had all samples
    return np.log2([RATE / _period(row, RATE // hertz[1], RATE // hertz[0]) for row in correlation])


def spread(samples, points=12):
    """Return places from end to end of a sound at which `contour` can measure."""
    return np.linspace(HALF, len(samples) - HALF, points).astype(int)


def _autocorrelate(frames):
    return np.fft.irfft(np.abs(np.fft.rfft(frames, 4 * HALF)) ** 2)[..., : HALF + HALF // 2]


def _period(row, shortest, longest):
    """Return the first lag with a peak nearly as high as the highest: others are its multiples."""
    lags = np.arange(shortest, longest + 1)
    peaks = lags[(row[lags] >= row[lags - 1]) & (row[lags] > row[lags + 1])]
    if not len(peaks):
        return shortest + row[lags].argmax()
    peak = peaks[row[peaks] > 0.85 * row[peaks].max()][0]
    before, top, after = row[peak - 1 : peak + 2]
    # The vertex of the parabola through three lags: between the samples.
    return peak + (before - after) / 2 / (before - 2 * top + after)
