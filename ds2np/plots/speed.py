"""Speed: a profile, the roofline, the gain of each optimisation. Chapter 11 shows them."""

import itertools

import numpy as np


def plot_profile(names, forward, backward, axis):
    """Draw each part's share of a training step as a bar, forward and backward.

    forward, backward: seconds of each part in names; 0 where it has no such pass.
    """
    shares = 100 * np.array([forward, backward]) / np.sum([forward, backward])
    rows = np.arange(len(names))
    axis.barh(rows, shares[0], color="0.75", edgecolor="black", label="forward")
    axis.barh(
        rows,
        shares[1],
        left=shares[0],
        color="white",
        edgecolor="black",
        hatch="//",
        label="backward",
    )
    axis.set_yticks(rows, names)
    axis.invert_yaxis()
    axis.set(xlabel="share of the step (%)")
    axis.legend(loc="lower right")
    return axis


def plot_roofline(points, peak, bandwidths, axis):
    """Draw the speed of each part below the limits of the machine, both axes logarithmic.

    points: dict of part to (arithmetic intensity in flop/byte, speed in flop/s).
    peak: the highest speed in flop/s; bandwidths: dict of memory level to bytes/s.
    """
    intensities = [intensity for intensity, _ in points.values()]
    x = np.geomspace(min(intensities) / 2, max(intensities) * 2, 200)
    styles = itertools.cycle(("-", "--", ":"))
    for (name, bandwidth), style in zip(bandwidths.items(), styles, strict=False):
        axis.loglog(x, np.minimum(peak, bandwidth * x) / 1e9, style, color="black", label=name)
    markers = "osD^vP*Xhd"
    for i, (name, (intensity, speed)) in enumerate(points.items()):
        axis.loglog(
            intensity, speed / 1e9, markers[i % len(markers)], color="0.45", mec="black", label=name
        )
    axis.set(xlabel="arithmetic intensity (flop/byte)", ylabel="speed (GFLOP/s)")
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return axis


def plot_gains(gains, axis):
    """Draw the speed-up of each optimisation, with its spread over repeated pairs of measurements.

    gains: dict of name to (median, smallest, largest) ratio of slow to fast time.
    """
    names = sorted(gains, key=lambda name: gains[name][0], reverse=True)
    middle, low, high = np.array([gains[name] for name in names]).T
    rows = np.arange(len(names))
    axis.barh(rows, middle - 1, left=1, color="0.75", edgecolor="black")
    axis.errorbar(
        middle, rows, xerr=[middle - low, high - middle], fmt="none", ecolor="black", capsize=2
    )
    axis.axvline(1, color="black")
    axis.set_xscale("log")
    ticks = [
        t for t in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if low.min() / 2 < t < high.max()
    ]
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.minorticks_off()
    axis.set_yticks(rows, names)
    axis.invert_yaxis()
    axis.set(xlabel="time of the slow form / time of the fast form")
    return axis


def plot_amdahl(shares, axis):
    """Draw the speed-up of the whole over the speed-up of one part (Amdahl's law).

    shares: dict of part to its share of the total time.
    """
    gain = np.geomspace(1, 100, 100)
    styles = ("-", "--", "-.", ":")
    for i, (name, share) in enumerate(shares.items()):
        whole = 1 / (1 - share + share / gain)
        axis.semilogx(gain, whole, styles[i % 4], color="black", label=f"{name} ({share:.0%})")
    axis.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axis.minorticks_off()
    axis.set(xlabel="speed-up of the part", ylabel="speed-up of the step")
    axis.legend()
    return axis
