"""Pictures of what a network has learned: filters, maps over a spectrogram, curves."""

import numpy as np

from ds2np.learn.plots.table import draw_table


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
        draw_table(patch, axis, limits=(-largest, largest), shades="gray")
        axis.set(xticks=(), yticks=())
    axes[0].set_ylabel(name)
    return axes


def plot_map(table, seconds, kilohertz, axis, title="", limits=(None, None), shades="magma"):
    """Draw a number for each time and frequency, light where it is large.

    Parameters
    ----------
    table : ndarray of shape (T, F)
    seconds, kilohertz : float
        Where the axes end.
    axis : matplotlib axes
    title : str
    limits : tuple of two floats or None
        What is drawn black and white; the extremes if left out.
    shades : str
        Name of a matplotlib colormap.

    Returns
    -------
    matplotlib axes
    """
    draw_table(table, axis, seconds, kilohertz, limits, shades)
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)")
    axis.set_title(title, loc="left", fontsize=10)
    return axis


def plot_trace(trace, text, times, frame_ms, axis):
    """Draw a number over time, with the letters of a text where they are written.

    Parameters
    ----------
    trace : ndarray of shape (T,)
    text : str
        Of L characters.
    times : ndarray of shape (L, 2)
        Start and end of each character in seconds.
    frame_ms : float
        From one number to the next.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    axis.plot((np.arange(len(trace)) + 0.5) * frame_ms / 1000, trace, color="black", lw=1.2)
    for character, (start, end) in zip(text, times, strict=True):
        axis.axvspan(start, end, color="0.88", lw=0)
        axis.annotate(
            character.replace(" ", "␣"),
            ((start + end) / 2, 1.01),
            xycoords=("data", "axes fraction"),
            ha="center",
            annotation_clip=False,
        )
    axis.set(xlim=(0, len(trace) * frame_ms / 1000), xlabel="time (s)")
    return axis
