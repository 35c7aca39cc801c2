"""Figures of several series draw every one of them, however many there are."""

import pytest
from matplotlib.figure import Figure

from ds2np.plots import plot_lines, plot_over_processes, plot_rates, plot_roofline

NAMES = ("one", "two", "three", "four", "five", "six")


@pytest.mark.parametrize(
    "draw",
    [
        lambda axis: plot_lines({name: [1, 2, 3] for name in NAMES}, axis, "", "", ""),
        lambda axis: plot_rates({name: {"dev": 0.1, "test": 0.2} for name in NAMES}, axis),
        lambda axis: plot_over_processes([1, 2], {name: [1, 2] for name in NAMES}, "s", axis),
        lambda axis: plot_roofline({"a": (1.0, 1e9)}, 1e9, dict.fromkeys(NAMES, 1e9), axis),
    ],
    ids=["lines", "rates", "over processes", "roofline"],
)
def test_every_series_has_its_entry_in_the_legend(draw):
    axis = Figure().subplots()
    draw(axis)
    assert set(NAMES) <= set(axis.get_legend_handles_labels()[1])
