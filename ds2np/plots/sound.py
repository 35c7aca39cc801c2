"""Waveforms and spectrograms. Chapter 01 shows them."""

import numpy as np

from ds2np.audio import log_spectrogram
from ds2np.plots.table import SHADES, draw_table

RANGE_DB = 70  # below the maximum of the first sound; lower values are black


def plot_waveform(samples, sample_rate, axis, start=0.0, **style):
    """Draw samples (n,) over time; the first is at start seconds.

    sample_rate in Hz; style is passed to ``axis.plot``.
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
    """Draw table (T, F) over time and frequency, large values bright.

    seconds, kilohertz: ends of the axes; limits, colormap, shades: see `draw_table`.
    """
    image = draw_table(table, axis, seconds, kilohertz, limits, colormap, shades)
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)")
    axis.set_title(title, loc="left", fontsize=10)
    if colorbar:
        axis.figure.colorbar(image, ax=axis)
    return axis


def plot_spectrogram(spectrogram, stride_ms, sample_rate, axis, title="", **options):
    """Draw a spectrogram (T, F) over time and frequency.

    stride_ms from one window to the next, sample_rate in Hz; options: see `plot_map`.
    """
    seconds = len(spectrogram) * stride_ms / 1000
    return plot_map(spectrogram, seconds, sample_rate / 2000, axis, title, **options)


def plot_spectrograms(sounds, sample_rate, axes, stride_ms=16):
    """Draw the spectrograms of several sounds with the same colour scale and time axis.

    sounds: dict of title to samples (n,), with one axis each; sample_rate in Hz.
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
