"""Characters over time: probabilities, alignments, the lattice of CTC."""

import numpy as np

from ds2np.plots.sound import plot_spectrogram


def _label(text, place, axis, **style):
    """Write a character above the axes at a time; a space as an open box."""
    axis.annotate(
        text.replace(" ", "␣"),
        place,
        xycoords=("data", "axes fraction"),
        ha="center",
        annotation_clip=False,
        **style,
    )


def plot_spoken(spectrogram, text, times, stride_ms, sample_rate, axis):
    """Draw a spectrogram, a line where each character starts, and the character above it.

    Parameters
    ----------
    spectrogram : ndarray of shape (T, F)
    text : str
        Of L characters.
    times : ndarray of shape (L, 2)
        Start and end of each character in seconds, as `Alignment.times` returns them.
    stride_ms : float
        From one window to the next.
    sample_rate : int
        In hertz.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    plot_spectrogram(spectrogram, stride_ms, sample_rate, axis)
    for character, (start, end) in zip(text, times, strict=True):
        axis.axvline(start, color="white", lw=0.8)
        _label(character, ((start + end) / 2, 1.02), axis, fontweight="bold")
    return axis


def plot_probabilities(probabilities, frame_ms, symbols, axis):
    """Draw how probable each symbol is over time, and name the peaks.

    Parameters
    ----------
    probabilities : ndarray of shape (T, V)
        The blank is symbol 0.
    frame_ms : float
        From one output frame to the next.
    symbols : sequence of str
        Those from number 1 on.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    time = (np.arange(len(probabilities)) + 0.5) * frame_ms / 1000
    axis.fill_between(time, probabilities[:, 0], color="0.88", label="blank")
    best = probabilities.argmax(axis=1)
    for symbol in sorted(set(best[best > 0])):
        curve = probabilities[:, symbol]
        (line,) = axis.plot(time, curve, lw=1.5)
        # One name for each run of frames in which this symbol is the best one, at its peak.
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
    axis.legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the axes: it hides no character
    return axis


def plot_symbols(probabilities, symbols, axis):
    """Draw the probability of each symbol over time.

    Parameters
    ----------
    probabilities : ndarray of shape (T, V)
    symbols : sequence of str
        Of length V; the first is the blank.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
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
    """Draw a table of states over frames, dark where it is large.

    Parameters
    ----------
    table : ndarray of shape (T, S)
    states : sequence of str
        The symbol of each state.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    axis.imshow(np.asarray(table).T, aspect="auto", cmap="gray_r", interpolation="nearest")
    axis.set_yticks(range(len(states)), states)
    axis.set(xlabel="frame", ylabel="state")
    return axis


def plot_trace(trace, text, times, frame_ms, axis):
    """Draw a number over time, with the letters of a text where they are written.

    Parameters
    ----------
    trace : ndarray of shape (T,)
    text : str
        Of L characters.
    times : ndarray of shape (L, 2)
        Start and end of each character in seconds.
    frame_ms : float
        From one number to the next.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    axis.plot((np.arange(len(trace)) + 0.5) * frame_ms / 1000, trace, color="black", lw=1.2)
    for character, (start, end) in zip(text, times, strict=True):
        axis.axvspan(start, end, color="0.88", lw=0)
        _label(character, ((start + end) / 2, 1.01), axis)
    axis.set(xlim=(0, len(trace) * frame_ms / 1000), xlabel="time (s)")
    return axis
