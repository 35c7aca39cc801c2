"""Many processes: all-reduce step by step, and communication over time. Chapter 13 shows them."""

import itertools

import numpy as np


def plot_holdings(states, names, axes):
    """Draw how many processes have contributed to each chunk of each process, one table per state.

    states: a sequence of int arrays (processes, chunks), with one title in names and one axis each.
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


def plot_timeline(computing, sending, axis):
    """Draw what a process computes, and what its link carries meanwhile.

    computing, sending: lists of (name, start, end), in milliseconds.
    """
    looks = {1: {"color": "0.85"}, 0: {"color": "white", "hatch": "///"}}
    for row, intervals in ((1, computing), (0, sending)):
        for name, begin, end in intervals:
            axis.barh(row, end - begin, left=begin, height=0.7, edgecolor="black", **looks[row])
            box = {"fc": "white", "ec": "none", "pad": 1} if row == 0 else None
            axis.text((begin + end) / 2, row, name, ha="center", va="center", fontsize=8, bbox=box)
    axis.set_yticks([1, 0], ["backward pass", "link"])
    axis.set(xlabel="time (ms)", ylim=(-0.6, 1.6))
    return axis


def plot_over_processes(processes, curves, label, axis):
    """Draw curves over the number of processes, both axes logarithmic.

    curves: dict of name to one value per entry of processes; label: of the vertical axis.
    """
    styles = ("s:", "^--", "o-", "d-.")
    for style, (name, values) in zip(itertools.cycle(styles), curves.items(), strict=False):
        axis.loglog(processes, values, style, color="black", ms=4, label=name)
    axis.set_xticks(processes, [str(p) for p in processes], minor=False)
    axis.minorticks_off()
    axis.set(xlabel="processes", ylabel=label)
    axis.legend()
    return axis


def plot_waiting(names, frames, size, waits, axis):
    """Draw blocks that wait for those of their group, one below the other; chapter 12 shows them.

    names, frames: of each block, its description and how many frames it computes; size: of a group;
    waits: pairs (block, frame), of which arrows show what the block waits for.
    """
    shades = itertools.cycle(("#d6e6f2", "#f2e3cf"))
    for first in range(0, len(names), size):
        shade = next(shades)
        for block in range(first, first + size):
            left = np.arange(frames[block])
            axis.barh([block] * len(left), 0.62, left=left, color=shade, ec="black", height=0.7)
        if first:
            axis.axhline(first - 0.5, color="gray", linewidth=0.6)
    for block, k in waits:
        for other in range(block // size * size, (block // size + 1) * size):
            axis.annotate("", (k + 1, block), (k + 0.62, other), arrowprops={"arrowstyle": "->"})
    axis.set(xlabel="frame of the recurrence", xlim=(-0.2, max(frames)))
    axis.set_xticks(np.arange(max(frames)) + 0.31, range(max(frames)))
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.invert_yaxis()
    return axis
