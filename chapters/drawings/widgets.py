"""The still pictures of the widgets: what they show before anyone touches them."""

import numpy as np
from svg import BLUE, INK, RED, SOFT, Drawing

from ds2np.ctc import state_posterior

WORD, FRAMES = "cat", 8


def vague_logits(frames, symbols, labels):
    """Return the logits (frames, symbols) of a network with a vague idea where each label is."""
    logits = np.zeros((frames, symbols))
    for i, label in enumerate(labels):
        centre = (i + 0.5) * frames / len(labels) - 0.5
        near = 2 - np.abs(np.arange(frames) - centre)
        logits[:, label] = np.maximum(logits[:, label], near)
    return logits


def ctc_lattice():
    """Draw the probabilities of all symbols, and gamma over the lattice."""
    letters = "–" + WORD
    labels = np.arange(1, len(letters))
    logits = vague_logits(FRAMES, len(letters), labels)
    y = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    gamma = state_posterior(logits[None], labels[None], [FRAMES], [len(labels)])[0]
    allowed = np.zeros_like(y)
    for s in range(gamma.shape[1]):
        allowed[:, 0 if s % 2 == 0 else labels[s // 2]] += gamma[:, s]
    drawing = Drawing(
        700,
        440,
        "The lattice of the word cat over eight frames. Above, a bar for the probability of each "
        "symbol in each frame, with a line at the share that the transcript allows. Below, each "
        "state in each frame, darker the more paths pass through it: from the first states at the "
        "left to the last ones at the right.",
    )
    left, cell = 40, 80
    for t in range(FRAMES):
        drawing.text(left + (t + 0.5) * cell, 22, f"t = {t}", 12, SOFT)
        for k in range(len(letters)):
            x, top, width = left + t * cell + 3, 32 + 28 * k, cell - 6
            drawing.box(x, top, width, 22, color="#bbbbbb")
            drawing.box(x, top, width * y[t, k], 22, "#a9cbe3", "#a9cbe3", 0)
            at = x + width * allowed[t, k]
            drawing.line((at, top - 1), (at, top + 23), color=RED, width=2)
            drawing.text(x + width / 2, top + 15, f"{y[t, k]:.2f}", 11)
        for s in range(gamma.shape[1]):
            share = gamma[t, s] / gamma[t].max()
            fill = "#" + "".join(f"{round(255 - (255 - c) * share):02x}" for c in (31, 95, 139))
            drawing.circle(left + (t + 0.5) * cell, 174 + 38 * s, 11, fill, INK, 1 + s % 2)
            drawing.text(
                left + (t + 0.5) * cell + 15,
                179 + 38 * s,
                f"{gamma[t, s]:.2f}",
                10,
                BLUE,
                anchor="start",
            )
    for k, letter in enumerate(letters):
        drawing.text(20, 48 + 28 * k, letter, 15)
    for s in range(gamma.shape[1]):
        letter = "–" if s % 2 == 0 else WORD[s // 2]
        drawing.text(20, 179 + 38 * s, letter, 15, bold=s % 2 == 1)
    return drawing


def draw():
    """Return the text of the pictures, by file name."""
    return {"widget_ctc_lattice.svg": str(ctc_lattice())}
