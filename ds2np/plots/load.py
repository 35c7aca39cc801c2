"""Latency: of one stream, and of many that share a server. Chapter 16 shows it."""

import itertools

import numpy as np


def plot_budget(causes, axis):
    """Draw what the letter of a frame waits for, one cause after the other, as a flight of stairs.

    causes: dict of name to milliseconds, or to the least and the most milliseconds.
    """
    begin, fills = 0.0, itertools.cycle(("0.85", "0.65"))
    for row, span in enumerate(causes.values()):
        least, most = span if isinstance(span, tuple) else (span, span)
        axis.barh(row, most, left=begin, color="white", edgecolor="black", hatch="//", height=0.7)
        axis.barh(row, least, left=begin, color=next(fills), edgecolor="black", height=0.7)
        words = f"{least:.0f} ms" if least == most else f"{least:.0f} to {most:.0f} ms"
        axis.text(begin + most + 6, row, words, va="center", fontsize=9)
        begin += most
    axis.set_yticks(range(len(causes)), causes)
    axis.invert_yaxis()
    axis.set(xlabel="time from the beginning of the frame's sound (ms)", xlim=(0, 1.2 * begin))
    return axis


def plot_changes(changes, frame_ms, changed_ms, axes):
    """Draw how much each output frame of several networks changes when the end of the sound does.

    changes: dict of network to array (T,); 0 is drawn at the lower edge, below a tenth of all
    others. frame_ms: from frame to frame; changed_ms: where the changed sound begins.
    """
    least = min(change[change > 0].min() for change in changes.values()) / 30
    for axis, (name, change) in zip(axes, changes.items(), strict=True):
        seconds = frame_ms / 1000 * np.arange(len(change))
        axis.semilogy(seconds, np.maximum(change, least), "k-", lw=1)
        same = change == 0
        axis.semilogy(seconds[same], np.full(same.sum(), least), "s", color="0.6", ms=3)
        axis.axvline(changed_ms / 1000, color="black", ls="--")
        axis.set(title=name, xlabel="time of the frame (s)", ylim=(least / 3, None))
    axes[0].set_ylabel("change of its outputs")
    return axes


def plot_batches(batches, arrivals, axes):
    """Draw which pieces a server takes together: a bar for each batch, with its size.

    batches: dict of name to a list of (begin, end, size) in milliseconds; arrivals: in
    milliseconds, the same for all.
    """
    for axis, (name, of_one) in zip(axes, batches.items(), strict=True):
        for i, (begin, end, size) in enumerate(of_one):
            shade = ("0.85", "0.7")[i % 2]
            axis.barh(0, end - begin, left=begin, color=shade, edgecolor="black", height=0.8)
            place = {"ha": "center", "va": "center", "clip_on": True}
            axis.text((begin + end) / 2, 0, str(size), fontsize=8, **place)
        axis.plot(arrivals, np.full(len(arrivals), 0.62), "|", color="black", ms=8)
        axis.set(yticks=[], ylim=(-0.5, 0.8), title=name)
    axes[-1].set_xlabel("time (ms)")
    return axes


def plot_load(loads, axes):
    """Draw the latencies, and the work in batches, over the number of streams.

    Parameters
    ----------
    loads : sequence of dict
        With the fields of `ds2np.bench.load.Load`.
    axes : sequence of two matplotlib axes
    """
    styles = dict(zip(sorted({load["batch"] for load in loads}), (":", "-"), strict=False))
    for batch, style in styles.items():
        rows = [load for load in loads if load["batch"] == batch]
        streams = [row["streams"] for row in rows]
        name = "one at a time" if batch == 1 else "in batches"
        for key, marker, label in (("median", "o", "median"), ("p98", "s", "98 %")):
            milliseconds = [1000 * row[key] for row in rows]
            axes[0].plot(streams, milliseconds, style + marker, ms=4, label=f"{name}, {label}")
        if batch > 1:
            share = [100 * row["together"] for row in rows]
            axes[1].plot(streams, share, style + "o", color="0.2", ms=4)
    axes[0].set(xlabel="streams", ylabel="latency (ms)", yscale="log", xlim=(0, None))
    axes[0].legend()
    axes[1].set(xlabel="streams", ylabel="work in batches of two or more (%)")
    axes[1].set(xlim=(0, None), ylim=(0, 100))
    for axis in axes:
        axis.grid(alpha=0.3)
    return axes
