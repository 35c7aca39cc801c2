"""Pictures of changed sounds: spectrograms beside each other, and what the changes gain."""

import numpy as np

from ds2np.audio import log_spectrogram
from ds2np.learn.plots.table import draw_table

DARKEST = 70  # dB below the loudest place of the first sound: black
STYLES = (("o", "white"), ("s", "black"), ("^", "0.6"))


def plot_spectrograms(sounds, rate, axes, stride_ms=16):
    """Draw the spectrograms of several sounds with the same shades and the same time axis.

    Parameters
    ----------
    sounds : dict of str to ndarray of shape (samples,)
        Under their titles.
    rate : int
        Samples a second.
    axes : sequence of matplotlib Axes
        As many as there are sounds.
    stride_ms : float
        From one frame to the next.

    Returns
    -------
    sequence of matplotlib Axes
    """
    levels = [
        log_spectrogram(samples, rate, stride_ms=stride_ms) * 10 / np.log(10)
        for samples in sounds.values()
    ]
    loudest = levels[0].max()
    longest = max(len(level) for level in levels) * stride_ms / 1000
    for axis, title, level in zip(axes, sounds, levels, strict=True):
        seconds = len(level) * stride_ms / 1000
        draw_table(level, axis, seconds, rate / 2000, (loudest - DARKEST, loudest))
        axis.set(title=title, xlabel="time / s", xlim=(0, longest))
    axes[0].set_ylabel("frequency / kHz")
    return axes


def plot_rates(rates, axis):
    """Draw the error rates of several networks on several sets.

    Parameters
    ----------
    rates : dict of str to dict of str to float
        Under the name of the network, under that of the set: 0.1 is 10 %.
    axis : matplotlib Axes

    Returns
    -------
    matplotlib Axes
    """
    names = list(next(iter(rates.values())))
    places = np.arange(len(names))[::-1]
    of_all = np.array([[of_one[name] for name in names] for of_one in rates.values()])
    axis.hlines(places, 100 * of_all.min(axis=0), 100 * of_all.max(axis=0), color="0.7", zorder=1)
    for (network, of_one), (marker, fill) in zip(rates.items(), STYLES, strict=False):
        axis.plot(
            [100 * of_one[name] for name in names],
            places,
            marker,
            color="black",
            markerfacecolor=fill,
            label=network,
        )
    axis.set_yticks(places, names)
    axis.set(xlabel="word error rate / %", xlim=(0, None))
    axis.legend()
    return axis
