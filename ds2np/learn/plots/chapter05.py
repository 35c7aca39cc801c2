"""Pictures of CTC: tables over states and frames, and probabilities of symbols over time."""

import numpy as np


def plot_lattice(table, states, axes):
    """Draw a table of states over frames, dark where it is large.

    Parameters
    ----------
    table : ndarray of shape (T, S)
    states : sequence of str
        The symbol of each state.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    axes.imshow(np.asarray(table).T, aspect="auto", cmap="gray_r", interpolation="nearest")
    axes.set_yticks(range(len(states)), states)
    axes.set(xlabel="frame", ylabel="state")
    return axes


def plot_symbols(probabilities, symbols, axes):
    """Draw the probability of each symbol over time.

    Parameters
    ----------
    probabilities : ndarray of shape (T, V)
    symbols : sequence of str
        Of length V; the first is the blank.
    axes : matplotlib axes

    Returns
    -------
    matplotlib axes
    """
    styles = ("-", "--", "-.", ":")
    for k, symbol in enumerate(symbols):
        style, color = (":", "0.6") if k == 0 else (styles[(k - 1) % 3], "black")
        axes.plot(probabilities[:, k], style, color=color, label=symbol)
        if k:
            peak = int(probabilities[:, k].argmax())
            axes.annotate(symbol, (peak, probabilities[peak, k]), ha="center", va="bottom")
    axes.set(xlabel="frame", ylabel="probability", ylim=(0, 1.15))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return axes
