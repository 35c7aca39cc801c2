"""Speed: where the time goes, how near it is to the machine's limits, what each idea gains."""

import numpy as np


def plot_profile(names, forward, backward, axes):
    """Draw each part's share of a training step as a bar, forward and backward.

    Parameters
    ----------
    names : sequence of str
    forward, backward : sequence of float
        Seconds of each part; 0 where it has no such pass.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    shares = 100 * np.array([forward, backward]) / np.sum([forward, backward])
    rows = np.arange(len(names))
    axes.barh(rows, shares[0], color="0.75", edgecolor="black", label="forward")
    axes.barh(
        rows,
        shares[1],
        left=shares[0],
        color="white",
        edgecolor="black",
        hatch="//",
        label="backward",
    )
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set(xlabel="share of the step (%)")
    axes.legend(loc="lower right")
    return axes


def plot_roofline(points, peak, bandwidths, axes):
    """Draw the rates that parts reach under the roofs of the machine, both axes logarithmic.

    Parameters
    ----------
    points : dict of str to tuple of two float
        Under each part's name: its arithmetic intensity (flop a byte) and its rate (flop a second).
    peak : float
        The largest rate of arithmetic (flop a second).
    bandwidths : dict of str to float
        Bytes a second, under the name of where they come from.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    intensities = [intensity for intensity, _ in points.values()]
    x = np.geomspace(min(intensities) / 2, max(intensities) * 2, 200)
    for (name, bandwidth), style in zip(bandwidths.items(), ("-", "--", ":"), strict=False):
        axes.loglog(x, np.minimum(peak, bandwidth * x) / 1e9, style, color="black", label=name)
    markers = "osD^vP*Xhd"
    for i, (name, (intensity, rate)) in enumerate(points.items()):
        axes.loglog(
            intensity, rate / 1e9, markers[i % len(markers)], color="0.45", mec="black", label=name
        )
    axes.set(xlabel="arithmetic intensity (flop a byte)", ylabel="rate (GFLOP a second)")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return axes


def plot_gains(gains, axes):
    """Draw how many times as long the slow form of each idea takes, with the spread of its pairs.

    Parameters
    ----------
    gains : dict of str to tuple of three float
        Median, smallest and largest ratio of each idea.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    names = sorted(gains, key=lambda name: gains[name][0], reverse=True)
    middle, low, high = np.array([gains[name] for name in names]).T
    rows = np.arange(len(names))
    axes.barh(rows, middle - 1, left=1, color="0.75", edgecolor="black")
    axes.errorbar(
        middle, rows, xerr=[middle - low, high - middle], fmt="none", ecolor="black", capsize=2
    )
    axes.axvline(1, color="black")
    axes.set_xscale("log")
    ticks = [
        t for t in (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100) if low.min() / 2 < t < high.max()
    ]
    axes.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axes.minorticks_off()
    axes.set_yticks(rows, names)
    axes.invert_yaxis()
    axes.set(xlabel="time of the slow form / time of the fast form")
    return axes


def plot_amdahl(shares, axes):
    """Draw how much faster a whole becomes when one part of it does.

    Parameters
    ----------
    shares : dict of str to float
        The share of the whole's time that each part takes.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    gain = np.geomspace(1, 100, 100)
    styles = ("-", "--", "-.", ":")
    for i, (name, share) in enumerate(shares.items()):
        whole = 1 / (1 - share + share / gain)
        axes.semilogx(gain, whole, styles[i % 4], color="black", label=f"{name} ({share:.0%})")
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100], ["1", "2", "5", "10", "20", "50", "100"])
    axes.minorticks_off()
    axes.set(xlabel="the part becomes so many times faster", ylabel="the step: so many times")
    axes.legend()
    return axes
