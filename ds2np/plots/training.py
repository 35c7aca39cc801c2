"""Loss, error rates, gradients, descent on a loss, plans of minibatches. Chapter 06 shows them."""

import numpy as np


def plot_curves(history, axes, points=(), spaces=True):
    """Draw loss (left axis) and error rates (right axis) over epochs.

    history: rows as returned by `read_history`; points: `Progress.points`, losses within epochs;
    spaces: whether the WER is of words, or, in a script without spaces, of whole utterances.
    """
    words = "words" if spaces else "utterances"
    epochs = [row["epoch"] for row in history]
    _plot_points(points, "train_loss", axes[0])
    for axis, curves, label in (
        (
            axes[0],
            (("train_loss", "training"), ("dev_loss", "validation")),
            "loss (nats an utterance)",
        ),
        (axes[1], (("wer", words), ("cer", "characters")), "error rate, validation (%)"),
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
    """Draw values within epochs faintly: each point stands for few steps."""
    if points:
        axis.plot([p["epoch"] for p in points], [p[key] for p in points], color="0.7", lw=1)


def plot_health(history, axes, points=()):
    """Draw gradient norm, share of blanks, and seconds of each part over epochs, on three axes.

    history: rows as returned by `read_history`; points: `Progress.points`, norms within epochs.
    """
    epochs = [row["epoch"] for row in history]
    _plot_points(points, "gradient_norm", axes[0])
    axes[0].plot(epochs, [row["gradient_norm"] for row in history], "o-", ms=4)
    axes[0].set(ylabel="gradient norm, median")
    axes[1].plot(epochs, [100 * row["blank_share"] for row in history], "o-", ms=4)
    axes[1].set(ylabel="blank frames, validation (%)", ylim=(0, 100))
    bottom = np.zeros(len(history))
    for part in [name for name in (history or [{}])[0] if name.startswith("seconds_")]:
        seconds = np.array([row[part] for row in history])
        axes[2].bar(epochs, seconds, bottom=bottom, label=part.removeprefix("seconds_"))
        bottom += seconds
    axes[2].set(ylabel="time (s)")
    if history:
        axes[2].legend(loc="upper left", bbox_to_anchor=(1, 1))  # outside, so that it hides no bar
    for axis in axes:
        axis.set(xlabel="epoch")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.grid(alpha=0.3)
    return axes


def plot_walk(loss, path, axis, title, reach):
    """Draw the path of a descent over the contour lines of a loss of two weights.

    loss: a function of weights (..., 2); path (steps, 2); reach: half the width and height shown.
    """
    grid = np.meshgrid(*(np.linspace(-side, side, 81) for side in reach))
    levels = loss(np.stack(grid, axis=-1))
    axis.contour(*grid, np.sqrt(levels), 10, colors="0.75", linewidths=0.8)
    axis.plot(*path.T, "o-", color="black", ms=3, lw=1)
    axis.plot(0, 0, "+", color="black", ms=12)
    axis.set(
        title=title,
        xlabel="weight 1",
        ylabel="weight 2",
        xlim=(-reach[0], reach[0]),
        ylim=(-reach[1], reach[1]),
    )
    return axis


def plot_plan(frames, plan, axis, title):
    """Draw the utterances of a plan side by side, padding hatched on top of each.

    frames: int array (utterances,); plan: a list of int arrays of indices, one per minibatch.
    """
    place = 0
    for indices in plan:
        places, real = place + np.arange(len(indices)), frames[indices]
        axis.bar(places, real, width=1, align="edge", color="0.35")
        padding = real.max() - real
        axis.bar(
            places, padding, width=1, align="edge", bottom=real, fc="white", ec="0.6", hatch="////"
        )
        place += len(indices)
    axis.set(title=title, xlabel="utterance, in the order of the plan", ylabel="frames")
    return axis
