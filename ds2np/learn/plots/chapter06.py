"""Pictures of chapter 06: walks downhill, curves, and plans with their padding."""

import numpy as np

STYLES = ("-", "--", "-.", ":")


def plot_walk(axis, loss, path, title, reach):
    """Draw a walk over the level lines of a loss of two weights.

    Parameters
    ----------
    axis : matplotlib Axes
    loss : callable
        Takes weights of shape (..., 2).
    path : ndarray of shape (steps, 2)
    title : str
    reach : tuple of two floats
        How far each axis goes to both sides of 0.

    Returns
    -------
    matplotlib Axes
    """
    grid = np.meshgrid(*(np.linspace(-side, side, 81) for side in reach))
    levels = loss(np.stack(grid, axis=-1))
    axis.contour(*grid, np.sqrt(levels), 10, colors="0.75", linewidths=0.8)
    axis.plot(*path.T, "o-", color="black", ms=3, lw=1)
    axis.plot(0, 0, "+", color="black", ms=12)
    axis.set(
        title=title,
        xlabel="weight 1",
        ylabel="weight 2",
        xlim=(-reach[0], reach[0]),
        ylim=(-reach[1], reach[1]),
    )
    return axis


def plot_curves(axis, curves, title, xlabel, ylabel, log=True):
    """Draw several curves, each in a style of its own.

    Parameters
    ----------
    axis : matplotlib Axes
    curves : dict of str to tuple of two sequences
        Places and values, under the name of each curve.
    title, xlabel, ylabel : str
    log : bool
        Whether the values stand on a logarithmic axis.

    Returns
    -------
    matplotlib Axes
    """
    for i, (name, (places, values)) in enumerate(curves.items()):
        shade = ("black", "0.45")[i // 2 % 2]
        axis.plot(places, values, STYLES[i % len(STYLES)], color=shade, label=name, lw=1.5)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    axis.legend(fontsize=8)
    return axis


def plot_plan(axis, frames, plan, title):
    """Draw the utterances of a plan side by side, what is padded hatched on top of each.

    Parameters
    ----------
    axis : matplotlib Axes
    frames : ndarray of int of shape (utterances,)
    plan : list of ndarray of int
    title : str

    Returns
    -------
    matplotlib Axes
    """
    place = 0
    for indices in plan:
        places, real = place + np.arange(len(indices)), frames[indices]
        axis.bar(places, real, width=1, align="edge", color="0.35")
        padding = real.max() - real
        axis.bar(
            places, padding, width=1, align="edge", bottom=real, fc="white", ec="0.6", hatch="////"
        )
        place += len(indices)
    axis.set(title=title, xlabel="utterance, in the order of the plan", ylabel="frames")
    return axis
