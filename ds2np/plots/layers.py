"""Inputs, outputs and weights of layers: minibatches, units, states, filters."""

import numpy as np

from ds2np.plots.table import draw_table


def plot_batch(x, lengths, seconds, axes):
    """Draw the utterances of a padded minibatch below each other, padding hatched.

    x (N, T, F), lengths (N,), seconds from one frame to the next; N axes.
    """
    _, T, F = x.shape
    for axis, spectrogram, length in zip(axes, x, lengths, strict=True):
        draw_table(spectrogram[:length], axis, length * seconds)
        axis.axvspan(length * seconds, T * seconds, fc="white", ec="0.6", hatch="///", lw=0)
        axis.set(xlim=(0, T * seconds), ylim=(0, F), ylabel="mel band")
    axes[-1].set_xlabel("time (s)")
    return axes


def plot_units(numbers, axis):
    """Draw mean and standard deviation of the inputs of each unit, units sorted by mean.

    numbers (frames, H), without padding.
    """
    numbers = numbers[:, np.argsort(numbers.mean(axis=0))]
    units = np.arange(1, numbers.shape[1] + 1)
    axis.errorbar(
        units, numbers.mean(axis=0), numbers.std(axis=0), fmt="o", color="black", ms=4, capsize=2
    )
    axis.axhline(0, color="0.5", lw=1, ls="--")
    axis.set(xlabel="unit", ylabel="mean ± standard deviation")
    return axis


def plot_states(states, axis, title, ylabel, seconds=None):
    """Draw states (T, H) over time as an image, large values bright.

    seconds from one frame to the next; without it the time axis counts frames.
    """
    draw_table(states, axis, len(states) * (seconds or 1))
    axis.set(title=title, ylabel=ylabel, xlabel="time (s)" if seconds else "frame")
    return axis


def plot_reach(changes, axis, title):
    """Draw how much each output frame changes with each input frame; return the AxesImage.

    changes (T, T): row s holds the log10 change of every output frame when input frame s changes.
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
    """Draw small tables side by side, each with its own scale, 0 in grey.

    patches (n, frames, bins), n axes; name is written at the left.
    """
    for patch, axis in zip(patches, axes, strict=True):
        largest = max(np.abs(patch).max(), 1e-9)
        draw_table(patch, axis, limits=(-largest, largest), colormap="gray")
        axis.set(xticks=(), yticks=())
    axes[0].set_ylabel(name)
    return axes
