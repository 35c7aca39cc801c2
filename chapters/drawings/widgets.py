"""The still pictures of the widgets: what they show before anyone touches them."""

import numpy as np
from svg import BLUE, INK, RED, SOFT, Drawing

from ds2np.audio import log_spectrogram
from ds2np.ctc import state_posterior
from ds2np.layers.conv1d import conv1d_forward
from ds2np.layers.gru import gru_forward

WORD, FRAMES = "cat", 8
X, W, STRIDE, PADDING = [0, 0, 1, 3, 3, 2, -1, -2, 0, 1], [-1, 0, 1], 2, 1

INPUT = [0, 1, 0, 0, 0, -1, 0, 0.5, 0, 0]
COLOURS = "#0c0728", "#521e6e", "#b43c5a", "#f58c3c", "#fcfabe"
GATES = {"wz": 8, "bz": -4, "wr": 0, "br": 4, "wc": 2, "uc": 0}


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
        drawing.text(left + (t + 0.5) * cell, 22, f"t = {t + 1}", 12, SOFT)
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


def _bar(drawing, left, middle, cell, value, fill, top, half=34):
    height = abs(value) / top * half
    drawing.box(left + 1, middle - half, cell - 2, 2 * half, color="#dddddd")
    drawing.box(left + 2, middle - height * (value > 0), cell - 4, height, fill, fill, 0)
    text = f"{round(value, 2):g}".replace("-", "\N{MINUS SIGN}")
    drawing.text(left + cell / 2, middle + (14 if value >= 0 else -5), text, 12)


def sliding_kernel():
    """Draw a row of numbers, the kernel at its third stop, and the outputs up to there."""
    x = np.array(X, float)[None, :, None]
    out = conv1d_forward(x, np.array(W, float)[:, None, None], STRIDE, PADDING)[0][0, :, 0]
    padded = [0] * PADDING + X + [0] * PADDING
    drawing = Drawing(
        700,
        300,
        "A row of ten numbers as bars, with a zero added at either end; below it a kernel of three "
        "weights at its third stop, framed above in red; below that the three outputs so far and "
        "dashed boxes for those that are to come, one for every second number.",
    )
    cell, now, rows, top = 700 / len(padded), 2, (54, 152, 250), max(3, np.abs(out).max())
    for label, row in zip(("input", "kernel", "output"), rows, strict=True):
        drawing.text(4, row - 39, label, 12, SOFT, anchor="start")
    for i, value in enumerate(padded):
        _bar(drawing, i * cell, rows[0], cell, value, "#a9cbe3", 3)
    for k, weight in enumerate(W):
        left = (STRIDE * now + k) * cell
        corners = [(left, 20), (left + cell, 20), (left + cell, 88), (left, 88), (left, 20)]
        drawing.line(*corners, color=RED, width=2)
        _bar(drawing, left, rows[1], cell, weight, "#f0c889", 3)
    for t, value in enumerate(out):
        left = (STRIDE * t + (len(W) - 1) / 2) * cell
        if t <= now:
            _bar(drawing, left, rows[2], cell, value, "#a5cdb0", top)
        else:
            a, b, c, d = left + 1, left + cell - 1, rows[2] - 34, rows[2] + 34
            drawing.line((a, c), (b, c), (b, d), (a, d), (a, c), color="#999999", dashed=True)
    return drawing


def gru_gate():
    """Draw the input, the update gate, the candidate and the state of one unit, a latch."""
    x, g = np.array(INPUT, float), GATES
    a = np.stack([g["wz"] * x + g["bz"], g["wr"] * x + g["br"], g["wc"] * x], axis=-1)
    U, h0 = np.array([[[0.0, 0.0, g["uc"]]]]), np.zeros((1, 1, 1))
    h, (_, _, gates, *_) = gru_forward(a[None, :, None], U, h0)
    rows = (
        ("the input x", x, "#a9cbe3"),
        ("the update gate z: how much of the state is replaced", gates[0, :, 0, 0], "#f0c889"),
        ("the candidate c", gates[0, :, 0, 2], "#cccccc"),
        ("the state h", h[0, :, 0, 0], "#a5cdb0"),
    )
    drawing = Drawing(
        700,
        310,
        "One unit of a GRU over ten frames, each number a bar. The input is high in frame 1, low "
        "in frame 5, and half as high in frame 7. The update gate opens in frame 1, and halfway in "
        "frame 7; so the state takes the candidate of frame 1 and holds it, and ignores the low "
        "input of frame 5.",
    )
    for i, (label, values, fill) in enumerate(rows):
        middle = 44 + 76 * i
        drawing.text(4, middle - 31, label, 12, SOFT, anchor="start")
        for t, value in enumerate(values):
            _bar(drawing, 70 * t, middle, 70, value, fill, 1, half=26)
    return drawing


def microphone():
    """Draw the spectrogram of two whistles, in the widget's colours."""
    rate, seconds = 8000, 1.6
    t = np.arange(int(rate * seconds)) / rate
    rising = np.sin(2 * np.pi * (800 * t + 600 * t**2)) * (np.abs(t - 0.4) < 0.3)
    falling = np.sin(2 * np.pi * (4000 * t - 1000 * t**2)) * (np.abs(t - 1.15) < 0.35)
    power = log_spectrogram(0.5 * (rising + falling), rate)[:, :80]
    power = power[: len(power) // 3 * 3].reshape(-1, 3, 80).mean(axis=1)
    power = power.reshape(len(power), 40, 2).max(axis=2)
    shade = np.clip((power + 18) / 18 * 4, 0, 4).round().astype(int)
    drawing = Drawing(
        700,
        280,
        "A spectrogram: time from left to right, frequency from bottom to top, loud parts light. A "
        "whistle rises, then another one falls. Where scripts run, your own microphone can draw "
        "such a picture while you speak.",
    )
    width, height = 700 / len(power), 7
    drawing.box(0, 0, 700, 280, COLOURS[0], line=0)
    for level, colour in enumerate(COLOURS[1:], 1):
        cells = "".join(
            f"M{x * width:.1f} {273 - y * height}h{width:.1f}v{height}h-{width:.1f}z"
            for x, y in np.argwhere(shade == level)
        )
        drawing.shapes.append(f'<path d="{cells}" fill="{colour}"/>')
    return drawing


def draw():
    """Return the text of the pictures, by file name."""
    pictures = ctc_lattice, sliding_kernel, gru_gate, microphone
    return {f"widget_{picture.__name__}.svg": str(picture()) for picture in pictures}
