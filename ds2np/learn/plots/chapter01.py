"""Pictures of sound, for the chapter on spectrograms."""

import numpy as np

from ds2np.learn.plots.table import draw_table


def draw_waveform(axes, samples, rate, start=0.0, **style):
    """Draw samples over time.

    Parameters
    ----------
    axes : matplotlib Axes
    samples : ndarray of shape (samples,)
    rate : int
        Samples a second.
    start : float
        Time of the first sample, in seconds.
    **style
        For ``axes.plot``.

    Returns
    -------
    matplotlib Axes
    """
    axes.plot(start + np.arange(len(samples)) / rate, samples, **{"linewidth": 0.8, **style})
    axes.set(xlabel="time / s", ylabel="sample")
    return axes


def draw_spectrogram(axes, spectrogram, rate, stride, title, lowest=None, highest=None, top=None):
    """Draw one value for each time and frequency, light where it is large.

    Parameters
    ----------
    axes : matplotlib Axes
    spectrogram : ndarray of shape (T, F)
    rate : int
        Samples a second.
    stride : int
        Samples from one frame to the next.
    title : str
    lowest, highest : float, optional
        What is drawn black and white; the extremes of the spectrogram if left out.
    top : float, optional
        What the vertical axis ends with; half the sampling rate in kilohertz if left out.

    Returns
    -------
    matplotlib Axes
    """
    seconds = len(spectrogram) * stride / rate
    image = draw_table(spectrogram, axes, seconds, top or rate / 2000, (lowest, highest))
    axes.set(xlabel="time / s", ylabel="frequency / kHz", title=title)
    axes.figure.colorbar(image, ax=axes)
    return axes
