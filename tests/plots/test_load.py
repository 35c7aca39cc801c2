"""Latencies: each cause begins where the one before it ends, and what has not changed is seen."""

import numpy as np
from matplotlib.figure import Figure

from ds2np.plots import plot_batches, plot_budget, plot_changes, plot_load


def test_the_stairs_have_no_gap():
    axis = plot_budget({"window": 20, "piece": (0, 80), "computation": 5}, Figure().subplots())
    bars = [(bar.get_x(), bar.get_width()) for bar in axis.patches]
    assert bars == [(0, 20), (0, 20), (20, 80), (20, 0), (100, 5), (100, 5)]
    assert [text.get_text() for text in axis.texts] == ["20 ms", "0 to 80 ms", "5 ms"]


def test_frames_without_a_change_are_marked():
    changes = {"all": np.array([1e-3, 1.0]), "the second": np.array([0.0, 1.0])}
    axes = plot_changes(changes, 20, 30, Figure().subplots(1, 2))
    marked = [axis.lines[1].get_xdata().tolist() for axis in axes]
    assert marked == [[], [0.0]]


def test_batches_show_their_sizes():
    (axis,) = plot_batches({"eager": [(0, 4, 1), (4, 9, 3)]}, [0, 1, 2, 3], [Figure().subplots()])
    assert [text.get_text() for text in axis.texts] == ["1", "3"]
    assert [(bar.get_x(), bar.get_width()) for bar in axis.patches] == [(0, 4), (4, 5)]


def test_load_in_batches_and_alone():
    load = {"streams": 1, "median": 0.01, "p98": 0.02, "together": 0.5}
    axes = plot_load([load | {"batch": batch} for batch in (1, 128)], Figure().subplots(1, 2))
    assert [line.get_ydata()[0] for line in axes[0].lines] == [10, 20, 10, 20]
    assert [line.get_ydata()[0] for line in axes[1].lines] == [50]
