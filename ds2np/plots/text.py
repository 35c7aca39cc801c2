"""Characters over time: probabilities, alignments, the CTC lattice. Chapter 05 shows them."""

import numpy as np

from ds2np.plots.sound import plot_spectrogram


def _label(text, place, axis, **style):
    """Write text above the axis at a time, a space as an open box."""
    axis.annotate(
        text.replace(" ", "␣"),
        place,
        xycoords=("data", "axes fraction"),
        ha="center",
        annotation_clip=False,
        **style,
    )


def plot_spoken(spectrogram, text, times, stride_ms, sample_rate, axis):
    """Draw a spectrogram with a line at the start of each character, and the character above it.

    spectrogram (T, F), text of L characters, times (L, 2) of their start and end in seconds as
    returned by `Alignment.times`, stride_ms from one window to the next, sample_rate in Hz.
    """
    plot_spectrogram(spectrogram, stride_ms, sample_rate, axis)
    for character, (start, end) in zip(text, times, strict=True):
        axis.axvline(start, color="white", lw=0.8)
        _label(character, ((start + end) / 2, 1.02), axis, fontweight="bold")
    return axis


def plot_probabilities(probabilities, frame_ms, symbols, axis):
    """Draw the probability of each symbol over time, and label the peaks.

    probabilities (T, V), symbol 0 is the blank; frame_ms from one output frame to the next;
    symbols: names of symbols 1 to V - 1.
    """
    time = (np.arange(len(probabilities)) + 0.5) * frame_ms / 1000
    axis.fill_between(time, probabilities[:, 0], color="0.88", label="blank")
    best = probabilities.argmax(axis=1)
    for symbol in sorted(set(best[best > 0])):
        curve = probabilities[:, symbol]
        (line,) = axis.plot(time, curve, lw=1.5)
        # One label, at the peak, for each run of frames in which this symbol is the most probable.
        frames = np.flatnonzero(best == symbol)
        for run in np.split(frames, np.flatnonzero(np.diff(frames) > 1) + 1):
            peak = run[curve[run].argmax()]
            name = symbols[symbol - 1].replace(" ", "␣")
            axis.annotate(
                name,
                (time[peak], curve[peak]),
                xytext=(0, 2),
                textcoords="offset points",
                ha="center",
                color=line.get_color(),
                fontweight="bold",
            )
    axis.set(
        xlabel="time (s)",
        ylabel="probability",
        ylim=(0, 1.2),
        xlim=(0, len(probabilities) * frame_ms / 1000),
    )
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))  # outside, so that it hides no character
    return axis


def plot_symbols(probabilities, symbols, axis):
    """Draw the probability of each symbol over frames, each in its own line style.

    probabilities (T, V); symbols: V names, the blank first.
    """
    styles = ("-", "--", "-.", ":")
    for k, symbol in enumerate(symbols):
        style, color = (":", "0.6") if k == 0 else (styles[(k - 1) % 3], "black")
        axis.plot(probabilities[:, k], style, color=color, label=symbol)
        if k:
            peak = int(probabilities[:, k].argmax())
            axis.annotate(symbol, (peak, probabilities[peak, k]), ha="center", va="bottom")
    axis.set(xlabel="frame", ylabel="probability", ylim=(0, 1.15))
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return axis


def plot_lattice(table, states, axis):
    """Draw table (T, S) of states over frames, large values dark.

    states: the symbol of each of the S states.
    """
    axis.imshow(np.asarray(table).T, aspect="auto", cmap="gray_r", interpolation="nearest")
    axis.set_yticks(range(len(states)), states)
    axis.set(xlabel="frame", ylabel="state")
    return axis


def plot_trace(trace, text, times, frame_ms, axis):
    """Draw a curve over time, with each character of a text at its time.

    trace (T,), text of L characters, times (L, 2) of their start and end in seconds, frame_ms from
    one value of the trace to the next.
    """
    axis.plot((np.arange(len(trace)) + 0.5) * frame_ms / 1000, trace, color="black", lw=1.2)
    for character, (start, end) in zip(text, times, strict=True):
        axis.axvspan(start, end, color="0.88", lw=0)
        _label(character, ((start + end) / 2, 1.01), axis)
    axis.set(xlim=(0, len(trace) * frame_ms / 1000), xlabel="time (s)")
    return axis
