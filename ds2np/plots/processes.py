"""Many processes: who holds what in each round, and when what is computed and sent."""

import numpy as np


def plot_holdings(states, names, axes):
    """Draw how many processes' numbers are in each chunk of each process, a table a state.

    Parameters
    ----------
    states : sequence of ndarray of int of shape (processes, chunks)
    names : sequence of str
        A title for each.
    axes : sequence of matplotlib axes

    Returns
    -------
    sequence of matplotlib axes
    """
    for axis, state, name in zip(axes, states, names, strict=True):
        size = len(state)
        axis.imshow(state, cmap="gray_r", vmin=0, vmax=2.5 * size, interpolation="nearest")
        for r, c in np.ndindex(state.shape):
            weight = "bold" if state[r, c] == size else "normal"
            axis.text(c, r, str(state[r, c]), ha="center", va="center", weight=weight)
        axis.set(xticks=range(state.shape[1]), yticks=range(size), xlabel="chunk", title=name)
    axes[0].set_ylabel("process")
    return axes


def plot_timeline(computing, sending, axes):
    """Draw what a process computes, and what its link carries meanwhile.

    Parameters
    ----------
    computing, sending : list of tuple of str, float and float
        Name, begin and end of each piece, in milliseconds.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    looks = {1: {"color": "0.85"}, 0: {"color": "white", "hatch": "///"}}
    for row, pieces in ((1, computing), (0, sending)):
        for name, begin, end in pieces:
            axes.barh(row, end - begin, left=begin, height=0.7, edgecolor="black", **looks[row])
            box = {"fc": "white", "ec": "none", "pad": 1} if row == 0 else None
            axes.text((begin + end) / 2, row, name, ha="center", va="center", fontsize=8, bbox=box)
    axes.set_yticks([1, 0], ["backward pass", "link"])
    axes.set(xlabel="time (ms)", ylim=(-0.6, 1.6))
    return axes


def plot_over_processes(processes, curves, label, axes):
    """Draw numbers over the number of processes, both axes logarithmic.

    Parameters
    ----------
    processes : sequence of int
    curves : dict of str to sequence of float
    label : str
        Of the vertical axis, with its unit.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    styles = ("s:", "^--", "o-", "d-.")
    for style, (name, values) in zip(styles, curves.items(), strict=False):
        axes.loglog(processes, values, style, color="black", ms=4, label=name)
    axes.set_xticks(processes, [str(p) for p in processes], minor=False)
    axes.minorticks_off()
    axes.set(xlabel="processes", ylabel=label)
    axes.legend()
    return axes
