"""Drawings of chapter 01: cutting into frames, and how one frame becomes one column."""

import cmath
import math

from svg import BLUE, FAINT, FILLS, INK, RED, SOFT, Drawing


def draw():
    """Return each picture's text under its file name."""
    return {"sound_01_column.svg": str(_column()), "sound_01_frames.svg": str(_frames())}


def _sound(n):
    """Return a made-up sound of 240 samples whose pitch rises."""
    swell = math.sin(math.pi * n / 240) ** 0.5 if 0 < n < 240 else 0
    low = math.sin(2 * math.pi * (n / 16 + (n / 160) ** 2))
    high = 0.45 * math.sin(2 * math.pi * (n / 5.5 + (n / 110) ** 2))
    return swell * (low + high) / 1.45


def _grey(level):
    shade = round(30 + 225 * min(max(level, 0), 1))
    return f"#{shade:02x}{shade:02x}{shade:02x}"


def _levels(start, size=32):
    """Return, for each of 10 frequencies, the log power of one frame, from 0 to 1."""
    fade = [0.5 - 0.5 * math.cos(2 * math.pi * n / size) for n in range(size)]
    levels = []
    for f in range(10):
        total = sum(
            fade[n] * _sound(start + n) * cmath.exp(-2j * math.pi * f * n / size)
            for n in range(size)
        )
        levels.append((math.log(abs(total) ** 2 + 1e-2) + 4) / 8)
    return levels


def _column():
    drawing = Drawing(
        960,
        290,
        "From samples to one column of the spectrogram: a short piece is cut out of the waveform, "
        "faded at both ends, its power at each frequency is measured, and the logarithms of these "
        "powers, stacked from low to high frequency, are one column.",
    )
    middle, chosen, size = 140, 96, 32
    drawing.text(135, 34, "1  samples", bold=True)
    drawing.box(20 + chosen * 0.96, 70, size * 0.96, 140, fill=FILLS["sound"], color=BLUE)
    wave = [(20 + 0.96 * n, middle - 60 * _sound(n)) for n in range(241)]
    drawing.line(*wave, color=INK, width=1.1)
    drawing.text(20 + 0.96 * (chosen + size / 2), 228, "20 ms", 12, SOFT)
    drawing.line((258, middle), (288, middle), arrow=True)

    drawing.text(374, 34, "2  frame, faded", bold=True)
    left, width = 300, 150
    rim = [
        (left + width * n / 64, middle - 65 * (0.5 - 0.5 * math.cos(2 * math.pi * n / 64)))
        for n in range(65)
    ]
    drawing.line(*rim, color=RED, dashed=True)
    drawing.line(*[(x, 2 * middle - y) for x, y in rim], color=RED, dashed=True)
    faded = []
    for i in range(129):
        n = i / 4
        fade = 0.5 - 0.5 * math.cos(2 * math.pi * n / size)
        faded.append((left + width * n / size, middle - 65 * fade * _sound(chosen + n)))
    drawing.line(*faded, color=INK, width=1.2)
    drawing.text(left + width / 2, 228, "times the window", 12, RED)
    drawing.line((456, middle), (486, middle), arrow=True)

    drawing.text(580, 34, "3  power at each frequency", bold=True)
    levels = _levels(chosen)
    for f, level in enumerate(levels):
        drawing.box(530, 206 - 15 * f, 4 + 110 * max(level, 0), 11, fill=FILLS["convolution"])
    drawing.line((524, 220), (524, 62), arrow=True)
    drawing.text(518, 72, "high", 12, SOFT, anchor="end")
    drawing.text(518, 216, "low", 12, SOFT, anchor="end")
    drawing.text(585, 240, "logarithm of the power", 12, SOFT)
    drawing.line((652, middle), (682, middle), arrow=True)

    drawing.text(815, 34, "4  one column of many", bold=True)
    for t in range(14):
        for f, level in enumerate(_levels(t * 16)):
            color = _grey(level)
            drawing.box(700 + 16 * t, 204 - 15 * f, 16, 15, fill=color, color=FAINT, line=0.3)
    drawing.box(700 + chosen, 69, 16, 150, fill="none", color=RED, line=2.5)
    drawing.line((700, 232), (924, 232), arrow=True)
    drawing.text(812, 250, "time: the next frame begins 10 ms later", 12, SOFT)
    drawing.text(812, 270, "light: much power; dark: little", 12, SOFT)
    return drawing


def _frames():
    drawing = Drawing(
        900,
        360,
        "Eleven samples are cut into four frames of four samples, one every two samples. Sample 10 "
        "is in no frame. On the way back each sample sums the gradients of its copies: samples 0, "
        "1, 8 and 9 have one copy, samples 2 to 7 have two, sample 10 has none. Sample 4 and its "
        "copies in frames 1 and 2 are outlined.",
    )
    cell, left = 54, 230

    def row(y, first, values, fill, dashed=()):
        for i, value in enumerate(values):
            x = left + cell * (first + i)
            empty = first + i in dashed
            drawing.box(x, y, cell, 30, fill="#ffffff" if empty else fill)
            drawing.text(x + cell / 2, y + 20, str(value), 14, SOFT if empty else INK)

    drawing.text(left - 20, 50, "samples", bold=True, anchor="end")
    row(30, 0, [f"x{n}" for n in range(11)], FILLS["sound"], dashed=(10,))
    for t in range(4):
        y = 92 + 44 * t
        drawing.text(left - 20, y + 20, f"frame {t}", anchor="end")
        row(y, 2 * t, [f"x{2 * t + n}" for n in range(4)], FILLS["convolution"])
    drawing.line((left, 82), (left + 2 * cell, 82), color=RED, width=2)
    drawing.text(left + 2 * cell + 8, 86, "stride 2", 12, RED, anchor="start")
    drawing.line((left, 130), (left + 4 * cell - 4, 130), color=BLUE, width=2)
    drawing.text(left - 20, 134, "size 4", 12, BLUE, anchor="end")
    drawing.text(left - 20, 310, "copies of each sample", bold=True, anchor="end")
    row(290, 0, [1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 0], FILLS["recurrent"], dashed=(10,))
    x = left + 4 * cell
    for y in (30, 92 + 44, 92 + 88, 290):  # x4, its two copies, and their number
        drawing.box(x, y, cell, 30, fill="none", color=RED, line=2.6)
    drawing.line((x + cell / 2, 210), (x + cell / 2, 286), arrow=True)
    drawing.line((x + 10, 166), (x + 10, 286), arrow=True)
    drawing.text(
        left + cell * 5.5, 346, "backward: the gradients of all copies of a sample are added", 13
    )
    return drawing
