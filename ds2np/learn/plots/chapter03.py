"""Pictures of normalisation: a padded batch, and what enters each unit."""

import numpy as np

from ds2np.learn.plots.table import draw_table


def plot_batch(x, lengths, seconds, axes):
    """Draw the utterances of a padded batch below each other, padding hatched.

    Parameters
    ----------
    x : ndarray of shape (N, T, F)
    lengths : ndarray of shape (N,)
    seconds : float
        From one frame to the next.
    axes : sequence of N matplotlib axes

    Returns
    -------
    sequence of N matplotlib axes
    """
    _, T, F = x.shape
    for axis, spectrogram, length in zip(axes, x, lengths, strict=True):
        draw_table(spectrogram[:length], axis, length * seconds)
        axis.axvspan(length * seconds, T * seconds, fc="white", ec="0.6", hatch="///", lw=0)
        axis.set(xlim=(0, T * seconds), ylim=(0, F), ylabel="mel band")
    axes[-1].set_xlabel("time (s)")
    return axes


def plot_units(numbers, axes):
    """Draw mean and standard deviation of what enters each unit, units in order of their means.

    Parameters
    ----------
    numbers : ndarray of shape (frames, H)
        Of the real frames.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    numbers = numbers[:, np.argsort(numbers.mean(axis=0))]
    units = np.arange(1, numbers.shape[1] + 1)
    axes.errorbar(
        units, numbers.mean(axis=0), numbers.std(axis=0), fmt="o", color="black", ms=4, capsize=2
    )
    axes.axhline(0, color="0.5", lw=1, ls="--")
    axes.set(xlabel="unit", ylabel="mean ± standard deviation")
    return axes
