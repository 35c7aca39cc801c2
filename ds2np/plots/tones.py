"""Tones of Mandarin: the pitch in spectrograms, and which tones a network takes for which."""

import numpy as np

from ds2np.plots.sound import RANGE_DB
from ds2np.plots.table import draw_table

NAMES = ("level", "rising", "dipping", "falling")


def plot_pitch(
    spectrogram, window_ms, stride_ms, seconds, hertz, axis, title="", harmonic=1, highest=1000
):
    """Draw the low frequencies of a log spectrogram, and over them the pitch.

    A harmonic shows how the pitch moves more clearly than the fundamental does, as it moves by
    more hertz.

    Parameters
    ----------
    spectrogram : ndarray of shape (T, F)
        Natural logarithm of the power, at multiples of 1000 / window_ms hertz.
    window_ms, stride_ms : float
    seconds, hertz : ndarray of shape (n,)
        Times and the pitch there.
    axis : Axes
    title : str
    harmonic : int
        The multiple of the pitch that is drawn.
    highest : float
        In hertz.
    """
    bin_hertz = 1000 / window_ms
    low = spectrogram[:, : int(highest / bin_hertz) + 1] * 10 / np.log(10)  # in decibels
    image = draw_table(low, axis, limits=(low.max() - RANGE_DB / 2, low.max()), colormap="gray_r")
    # A window stands in the middle of its sound, and a row around its frequency.
    start, stop = (window_ms - stride_ms) / 2000, stride_ms * len(low) / 1000
    image.set_extent((start, start + stop, -bin_hertz / 2, bin_hertz * (low.shape[1] - 0.5)))
    axis.plot(seconds, harmonic * hertz, color="white", lw=3.5)  # a rim
    label = "pitch" if harmonic == 1 else f"{harmonic} times the pitch"
    axis.plot(seconds, harmonic * hertz, color="black", lw=1.5, label=label)
    axis.set(xlim=(0, start + stop), ylim=(0, highest), xlabel="time (s)", ylabel="frequency (Hz)")
    axis.set_title(title, loc="left", fontsize=10)
    return axis


def plot_confusions(shares, axis, title="", names=NAMES):
    """Draw which names are taken for which: shares (n, n) of each row's, written in percent."""
    axis.imshow(shares, cmap="gray_r", vmin=0, vmax=1)
    for row, column in np.ndindex(*shares.shape):
        share = shares[row, column]
        color = "white" if share > 0.5 else "black"
        axis.text(column, row, f"{100 * share:.0f}", color=color, ha="center", va="center")
    ticks = range(len(names))
    axis.set_xticks(ticks, names, rotation=45)
    axis.set_yticks(ticks, names)
    axis.set(xlabel="heard", ylabel="said (each row: 100 %)")
    axis.set_title(title, loc="left", fontsize=10)
    return axis
