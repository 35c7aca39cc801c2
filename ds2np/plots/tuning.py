"""The error rate over the weights of a language model. Chapter 09 shows it."""

import numpy as np


def plot_error_surface(rates, alphas, betas, best, axis, name="WER"):
    """Draw the error rate of each pair of weights, with its number, the best pair framed.

    rates (A, B) as fractions; alphas of the rows, betas of the columns; best: a pair of them; name:
    what the rates are.
    """
    from matplotlib.patches import Rectangle

    percent = 100 * np.asarray(rates)
    image = axis.imshow(percent, origin="lower", aspect="auto", cmap="Greys")
    middle = (percent.min() + percent.max()) / 2
    for (a, b), value in np.ndenumerate(percent):
        color = "white" if value > middle else "black"
        axis.text(b, a, f"{value:.1f}", ha="center", va="center", color=color, fontsize=8)
    a, b = list(alphas).index(best[0]), list(betas).index(best[1])
    frame = Rectangle((b - 0.5, a - 0.5), 1, 1, fill=False, lw=2, color="black")
    axis.add_patch(frame)
    axis.set_xticks(range(len(betas)), [f"{beta:.3g}" for beta in betas])
    axis.set_yticks(range(len(alphas)), [f"{alpha:.3g}" for alpha in alphas])
    axis.set(xlabel="beta, weight of a word (nats)", ylabel="alpha, weight of the language model")
    axis.figure.colorbar(image, ax=axis, label=f"{name} (%)")
    return axis
