"""Waveforms and spectrograms."""

import numpy as np

from ds2np.audio import log_spectrogram
from ds2np.plots.table import SHADES, draw_table

RANGE_DB = 70  # below the loudest place of the first sound: black


def plot_waveform(samples, sample_rate, axis, start=0.0, **style):
    """Draw samples over time.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    sample_rate : int
        In hertz.
    axis : matplotlib Axes
    start : float
        Time of the first sample, in seconds.
    **style
        For ``axis.plot``.

    Returns
    -------
    matplotlib Axes
    """
    time = start + np.arange(len(samples)) / sample_rate
    axis.plot(time, samples, **{"linewidth": 0.8, **style})
    axis.set(xlabel="time (s)", ylabel="sample")
    return axis


def plot_map(
    table,
    seconds,
    kilohertz,
    axis,
    title="",
    limits=(None, None),
    colormap="magma",
    shades=SHADES,
    colorbar=False,
):
    """Draw a number for each time and frequency, light where it is large.

    Parameters
    ----------
    table : ndarray of shape (T, F)
    seconds, kilohertz : float
        Where the axes end.
    axis : matplotlib Axes
    title : str
    limits, colormap, shades
        See `draw_table`.
    colorbar : bool
        Draw the scale beside it.

    Returns
    -------
    matplotlib Axes
    """
    image = draw_table(table, axis, seconds, kilohertz, limits, colormap, shades)
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)")
    axis.set_title(title, loc="left", fontsize=10)
    if colorbar:
        axis.figure.colorbar(image, ax=axis)
    return axis


def plot_spectrogram(spectrogram, stride_ms, sample_rate, axis, title="", **options):
    """Draw a spectrogram over time and frequency.

    Parameters
    ----------
    spectrogram : ndarray of shape (T, F)
    stride_ms : float
        From one window to the next.
    sample_rate : int
        In hertz.
    axis : matplotlib Axes
    title : str
    **options
        See `plot_map`.

    Returns
    -------
    matplotlib Axes
    """
    seconds = len(spectrogram) * stride_ms / 1000
    return plot_map(spectrogram, seconds, sample_rate / 2000, axis, title, **options)


def plot_spectrograms(sounds, sample_rate, axes, stride_ms=16):
    """Draw the spectrograms of several sounds with the same shades and the same time axis.

    Parameters
    ----------
    sounds : dict of str to ndarray of shape (samples,)
        By title.
    sample_rate : int
        In hertz.
    axes : sequence of matplotlib Axes
        As many as there are sounds.
    stride_ms : float
        From one frame to the next.

    Returns
    -------
    sequence of matplotlib Axes
    """
    levels = [
        log_spectrogram(samples, sample_rate, stride_ms=stride_ms) * 10 / np.log(10)
        for samples in sounds.values()
    ]
    limits = levels[0].max() - RANGE_DB, levels[0].max()
    longest = max(len(level) for level in levels) * stride_ms / 1000
    for axis, title, level in zip(axes, sounds, levels, strict=True):
        plot_spectrogram(level, stride_ms, sample_rate, axis, title, limits=limits)
        axis.set(xlim=(0, longest), ylabel="")
    axes[0].set_ylabel("frequency (kHz)")
    return axes
