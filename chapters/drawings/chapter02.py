"""Drawings of chapter 02: a kernel that slides, and how far two layers of them see."""

from svg import BLUE, FAINT, FILLS, INK, RED, SOFT, Drawing

X, W = [1, 3, 2, 0, 4, 1, 2], [-1, 0, 1]
STRIDE, PADDING = 2, 1


def _cell(drawing, x, y, size, text, fill, color=INK, dim=False):
    drawing.box(x, y, size, size, fill, color)
    drawing.text(x + size / 2, y + size / 2 + 6, text, 17, SOFT if dim else INK)


def sliding():
    """Draw a row of numbers, the kernel below each place where it stops, and what comes out."""
    drawing = Drawing(
        860,
        400,
        "A kernel of three weights, -1, 0 and 1, slides over seven numbers with a zero added at "
        "either end. It stops at every second number. Each stop gives one output: the weights "
        "times the numbers above them, added up: 3, -3, 1, -1.",
    )
    left, top, size = 150, 50, 44
    padded = [0] * PADDING + X + [0] * PADDING
    drawing.text(left - 16, top + 28, "input", 15, anchor="end", bold=True)
    for i, number in enumerate(padded):
        real = PADDING <= i < PADDING + len(X)
        fill = FILLS["sound"] if real else FILLS["plain"]
        _cell(drawing, left + i * size, top, size, str(number), fill, INK if real else FAINT, True)
    for i in (0, len(padded) - 1):
        drawing.text(left + i * size + size / 2, top - 10, "padding", 12, SOFT)
    right = left + len(padded) * size + 30
    drawing.text(right + 130, top + 28, "output", 15, bold=True)
    for t in range((len(padded) - len(W)) // STRIDE + 1):
        y, start = top + 70 + 66 * t, STRIDE * t
        if t == 0:
            drawing.text(left - 16, y + 28, "kernel", 15, anchor="end", bold=True)
        else:
            before = left + (start - STRIDE) * size
            drawing.line((before + 4, y + 22), (before + STRIDE * size - 6, y + 22), arrow=True)
            drawing.text(before - 8, y + 27, "stride 2", 12, SOFT, anchor="end")
        for k, weight in enumerate(W):
            x = left + (start + k) * size
            _cell(drawing, x, y, size, str(weight).replace("-", "\u2212"), FILLS["convolution"])
        end = left + (start + len(W)) * size
        drawing.line((end + 8, y + 22), (right + 100, y + 22), color=FAINT, arrow=True)
        total = sum(w * n for w, n in zip(W, padded[start:], strict=False))
        _cell(drawing, right + 108, y, size, str(total).replace("-", "\u2212"), FILLS["recurrent"])
    return drawing


def receptive_field():
    """Draw what one output frame of the network's two convolutions sees, in time and in both."""
    drawing = Drawing(
        960,
        440,
        "Left: one frame after the second convolution sees 11 frames after the first, and these "
        "see 31 frames of the spectrogram, since the first convolution moves by two frames at a "
        "time. Right: the same on the spectrogram's plane; the small box of 11 frames by 41 "
        "frequencies is what one output of the first convolution sees, the large box of 31 frames "
        "by 81 frequencies what one output of the second sees.",
    )
    left, width, rows = 30, 14, (80, 200, 320)

    def middle(i):
        return left + (i + 0.5) * width

    first = [5 + 2 * j for j in range(11)]  # each frame of the middle row above its centre below
    for j in (0, 10):
        for end, side in ((first[j] - 5, -0.5), (first[j] + 5, 0.5)):
            drawing.line(
                (middle(first[j]), rows[1] + 20), (middle(end + side), rows[2]), color=BLUE
            )
    for j, side in ((0, -0.5), (10, 0.5)):
        drawing.line((middle(15), rows[0] + 20), (middle(first[j] + side), rows[1]), color=RED)
    for i in range(31):
        drawing.box(left + i * width, rows[2], width, 20, FILLS["sound"])
    for i in first:
        drawing.box(left + i * width, rows[1], width, 20, FILLS["convolution"])
    drawing.box(left + 15 * width, rows[0], width, 20, FILLS["convolution"])
    drawing.text(middle(15), rows[0] - 14, "one frame after the second convolution", 14)
    drawing.text(middle(15), rows[1] + 44, "11 frames after the first,", 14)
    drawing.text(middle(15), rows[1] + 62, "20 ms apart", 14)
    drawing.text(middle(15), rows[2] + 42, "31 frames of spectrogram, 10 ms apart", 14)
    drawing.text(middle(15), rows[2] + 64, "31 = 11 + (11 \u2013 1) \u00d7 2", 13, SOFT)
    x, y, frame, bin_height = 600, 50, 5, 1.8
    height, frames = 161 * bin_height, 60
    drawing.box(x, y, frames * frame, height, FILLS["sound"])
    start, low = 14, 30
    big = (x + start * frame, y + height - (low + 81) * bin_height)
    drawing.box(*big, 31 * frame, 81 * bin_height, "#ffffff", RED, 2.5)
    small = (big[0], y + height - (low + 41) * bin_height)
    drawing.box(*small, 11 * frame, 41 * bin_height, FILLS["convolution"], BLUE, 2.5)
    drawing.text(big[0] + 15.5 * frame, big[1] - 8, "second layer: 31 \u00d7 81", 13, RED)
    drawing.text(small[0] + 11 * frame + 6, small[1] + 34, "first layer:", 13, BLUE, anchor="start")
    drawing.text(small[0] + 11 * frame + 6, small[1] + 52, "11 \u00d7 41", 13, BLUE, anchor="start")
    drawing.text(x - 8, y + 10, "8 kHz", 13, SOFT, anchor="end")
    drawing.text(x - 8, y + height, "0", 13, SOFT, anchor="end")
    drawing.text(x + frames * frame / 2, y + height + 24, "time: 60 frames", 14)
    drawing.text(
        x + frames * frame / 2, y + height + 46, "frequency: 161 bins, 50 Hz apart", 13, SOFT
    )
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {
        "conv_02_sliding.svg": str(sliding()),
        "conv_02_receptive_field.svg": str(receptive_field()),
    }
