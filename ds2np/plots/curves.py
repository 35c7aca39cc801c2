"""Curves over any quantity, and error rates side by side."""

import itertools

import numpy as np

STYLES = ("-", "--", "-.", ":")
MARKERS = (("o", "white"), ("s", "black"), ("^", "0.6"), ("D", "white"))


def plot_lines(curves, axis, title, xlabel, ylabel, log=True):
    """Draw several curves, each in its own line style.

    curves: a tuple (positions, values) under each name, or values alone, drawn over 0, 1, 2, ...
    log: whether the vertical axis is logarithmic.
    """
    for i, (name, curve) in enumerate(curves.items()):
        places, values = curve if isinstance(curve, tuple) else (range(len(curve)), curve)
        shade = ("black", "0.45")[i // 2 % 2]
        axis.plot(places, values, STYLES[i % len(STYLES)], color=shade, label=name, lw=1.5)
    axis.set(title=title, xlabel=xlabel, ylabel=ylabel, yscale="log" if log else "linear")
    axis.legend(fontsize=8)
    return axis


def plot_rates(rates, axis):
    """Draw the word error rates of several networks on several sets.

    rates: dict of network to dict of set to rate as a fraction (0.1 is 10 %).
    """
    names = list(next(iter(rates.values())))
    places = np.arange(len(names))[::-1]
    of_all = np.array([[of_one[name] for name in names] for of_one in rates.values()])
    axis.hlines(places, 100 * of_all.min(axis=0), 100 * of_all.max(axis=0), color="0.7", zorder=1)
    for (network, of_one), (marker, fill) in zip(
        rates.items(), itertools.cycle(MARKERS), strict=False
    ):
        axis.plot(
            [100 * of_one[name] for name in names],
            places,
            marker,
            color="black",
            markerfacecolor=fill,
            label=network,
        )
    axis.set_yticks(places, names)
    axis.set(xlabel="word error rate (%)", xlim=(0, None))
    axis.legend()
    return axis
