"""What layers read, write and learn: batches, units, states, filters."""

import numpy as np

from ds2np.plots.table import draw_table


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


def plot_states(states, axis, title, ylabel, seconds=None):
    """Draw numbers over time as an image, large ones bright.

    Parameters
    ----------
    states : ndarray of shape (T, H)
    axis : matplotlib Axes
    title, ylabel : str
    seconds : float, optional
        From one frame to the next; without it the axis counts frames.

    Returns
    -------
    matplotlib Axes
    """
    draw_table(states, axis, len(states) * (seconds or 1))
    axis.set(title=title, ylabel=ylabel, xlabel="time (s)" if seconds else "frame")
    return axis


def plot_reach(changes, axis, title):
    """Draw which frames of the output change with which frame of the input, and by how much.

    Parameters
    ----------
    changes : ndarray of shape (T, T)
        Row s: what a change of the input's frame s does to each frame of the output, as the
        logarithm to the base 10.
    axis : matplotlib Axes
    title : str

    Returns
    -------
    matplotlib AxesImage
    """
    T = len(changes)
    extent = (0.5, T + 0.5, 0.5, T + 0.5)
    image = axis.imshow(
        changes,
        origin="lower",
        cmap="gray_r",
        vmin=-6,
        vmax=0,
        extent=extent,
        interpolation="nearest",
    )
    axis.set(title=title, xlabel="frame of the output", ylabel="frame of the input")
    return image


def plot_patches(patches, axes, name):
    """Draw small pieces over time and frequency side by side, each by its own scale; 0 is grey.

    Parameters
    ----------
    patches : ndarray of shape (n, frames, bins)
    axes : sequence of n matplotlib axes
    name : str
        Written at the left.

    Returns
    -------
    sequence of n matplotlib axes
    """
    for patch, axis in zip(patches, axes, strict=True):
        largest = max(np.abs(patch).max(), 1e-9)
        draw_table(patch, axis, limits=(-largest, largest), colormap="gray")
        axis.set(xticks=(), yticks=())
    axes[0].set_ylabel(name)
    return axes
