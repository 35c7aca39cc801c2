"""Pictures of training and of what the network hears; each takes arrays and returns the axes."""

import numpy as np

from ds2np.train.clock import PARTS


def plot_curves(history, axes, points=()):
    """Draw loss and error rates over epochs.

    Parameters
    ----------
    history : list of dict
        As `read_history` returns it.
    axes : sequence of two matplotlib axes
    points : list of dict
        Training loss at times within epochs, as `Trainer` collects them.

    Returns
    -------
    sequence of two matplotlib axes
    """
    epochs = [row["epoch"] for row in history]
    _plot_points(points, "train_loss", axes[0])
    for axis, curves, label in (
        (
            axes[0],
            (("train_loss", "training"), ("dev_loss", "held out")),
            "loss (nats an utterance)",
        ),
        (axes[1], (("wer", "words"), ("cer", "characters")), "error rate, held out (%)"),
    ):
        scale = 100 if "%" in label else 1
        for (key, name), style in zip(curves, ("o-", "s--"), strict=True):
            axis.plot(epochs, [scale * row[key] for row in history], style, label=name, ms=4)
        axis.set(xlabel="epoch", ylabel=label, xlim=(0, None), ylim=(0, None))
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
        axis.grid(alpha=0.3)
    return axes


def _plot_points(points, key, axis):
    """Draw what was seen within epochs, faintly: each point stands for some steps only."""
    if points:
        axis.plot([p["epoch"] for p in points], [p[key] for p in points], color="0.7", lw=1)


def plot_health(history, axes, points=()):
    """Draw what tells whether training goes well: gradients, blanks, and where the time goes.

    Parameters
    ----------
    history : list of dict
        As `read_history` returns it.
    axes : sequence of three matplotlib axes
    points : list of dict
        Gradient norm at times within epochs, as `Trainer` collects them.

    Returns
    -------
    sequence of three matplotlib axes
    """
    epochs = [row["epoch"] for row in history]
    _plot_points(points, "gradient_norm", axes[0])
    axes[0].plot(epochs, [row["gradient_norm"] for row in history], "o-", ms=4)
    axes[0].set(ylabel="gradient norm, median")
    axes[1].plot(epochs, [100 * row["blank_share"] for row in history], "o-", ms=4)
    axes[1].set(ylabel="frames that are blank, held out (%)", ylim=(0, 100))
    bottom = np.zeros(len(history))
    for part in PARTS:
        seconds = np.array([row[f"seconds_{part}"] for row in history])
        axes[2].bar(epochs, seconds, bottom=bottom, label=part)
        bottom += seconds
    axes[2].set(ylabel="time (s)")
    axes[2].legend(loc="upper left", bbox_to_anchor=(1, 1))  # beside the axes: it hides no bar
    for axis in axes:
        axis.set(xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    return axes


def plot_spectrogram(spectrogram, stride_ms, sample_rate, axis):
    """Draw a spectrogram over time in seconds and frequency in kilohertz.

    Parameters
    ----------
    spectrogram : ndarray of shape (T, F)
    stride_ms : float
        From one window to the next.
    sample_rate : int
        In hertz.
    axis : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    seconds = len(spectrogram) * stride_ms / 1000
    axis.imshow(
        spectrogram.T,
        origin="lower",
        aspect="auto",
        cmap="magma",
        extent=(0, seconds, 0, sample_rate / 2000),
    )
    axis.set(xlabel="time (s)", ylabel="frequency (kHz)")
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
