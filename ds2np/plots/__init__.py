"""Every figure of the chapters and reports, by subject.

Each function takes arrays and their scales, then one matplotlib Axes as `axis` or a sequence of
them as `axes`, then options such as titles. It returns the axis or axes, unless it says otherwise.
"""

from ds2np.plots.curves import plot_lines, plot_rates
from ds2np.plots.fonts import choose_fonts
from ds2np.plots.layers import plot_batch, plot_patches, plot_reach, plot_states, plot_units
from ds2np.plots.load import plot_batches, plot_budget, plot_changes, plot_load
from ds2np.plots.processes import (
    plot_holdings,
    plot_over_processes,
    plot_timeline,
    plot_waiting,
)
from ds2np.plots.sound import plot_map, plot_spectrogram, plot_spectrograms, plot_waveform
from ds2np.plots.speed import plot_amdahl, plot_gains, plot_profile, plot_roofline
from ds2np.plots.table import draw_table
from ds2np.plots.text import (
    plot_lattice,
    plot_probabilities,
    plot_spoken,
    plot_symbols,
    plot_trace,
)
from ds2np.plots.tones import plot_confusions, plot_pitch
from ds2np.plots.training import plot_curves, plot_health, plot_plan, plot_walk
from ds2np.plots.tuning import plot_error_surface

__all__ = [
    "choose_fonts",
    "draw_table",
    "plot_amdahl",
    "plot_batch",
    "plot_batches",
    "plot_budget",
    "plot_changes",
    "plot_confusions",
    "plot_curves",
    "plot_error_surface",
    "plot_gains",
    "plot_health",
    "plot_holdings",
    "plot_lattice",
    "plot_lines",
    "plot_load",
    "plot_map",
    "plot_over_processes",
    "plot_patches",
    "plot_pitch",
    "plot_plan",
    "plot_probabilities",
    "plot_profile",
    "plot_rates",
    "plot_reach",
    "plot_roofline",
    "plot_spectrogram",
    "plot_spectrograms",
    "plot_spoken",
    "plot_states",
    "plot_symbols",
    "plot_timeline",
    "plot_trace",
    "plot_units",
    "plot_waiting",
    "plot_walk",
    "plot_waveform",
]
