"""Drawings of chapter 03: who shares a mean, the ways back, where the layer stands."""

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing

SHARED, OTHER = FILLS["convolution"], "#ffffff"


def _hatch(drawing, x, y, width, height, gap=8):
    """Hatch a rectangle with strokes that rise to the right."""
    position = gap
    while position < width + height:
        start = min(position, height)
        end = max(0, position - width)
        drawing.line(
            (x + position - start, y + start), (x + position - end, y + end), color=SOFT, width=0.8
        )
        position += gap


def _sheet(drawing, x, y, size, columns, rows, real, shared):
    """Draw one utterance: columns are frames, rows features; shared tells which rows are shaded."""
    drawing.box(x, y, columns * size, rows * size, fill="#ffffff")
    for row in range(rows):
        for column in range(real):
            fill = SHARED if shared(row) else OTHER
            drawing.box(x + column * size, y + row * size, size, size, fill=fill, line=0.8)
    if real < columns:
        _hatch(drawing, x + real * size, y, (columns - real) * size, rows * size)


def cube():
    """Draw a minibatch as sheets behind each other, with one feature of all of them shaded."""
    drawing = Drawing(
        820,
        400,
        "A minibatch: three utterances behind each other, each a sheet of frames from left to "
        "right and features from bottom to top. They have 9, 6 and 4 real frames; the rest is "
        "hatched as padding. One feature is shaded in all real frames of all utterances: these "
        "19 numbers share one mean and one variance.",
    )
    size, columns, rows, row = 24, 9, 4, 1
    lengths = (9, 6, 4)
    corners = [(110 + 60 * i, 264 - 112 * i) for i in range(3)]
    for dx, dy in ((0, 0), (columns * size, 0), (0, rows * size), (columns * size, rows * size)):
        ends = [(x + dx, y + dy) for x, y in corners]
        drawing.line(*ends, color="#bbbbbb", width=1, dashed=True)
    target = 560, 200
    for i, ((x, y), real) in enumerate(zip(corners, lengths, strict=True)):
        _sheet(drawing, x, y, size, columns, rows, real, lambda r: r == row)
        drawing.box(x, y + row * size, real * size, size, fill="none", color=RED, line=2.4)
        drawing.text(x - 12, y + 4, f"utterance {i + 1}", 13, SOFT, anchor="end")
        start = x + columns * size + 6, y + (row + 0.5) * size
        drawing.line(start, (target[0] - 8, target[1] + 14 * (1 - i)), color=RED, arrow=True)
    x, y = corners[0]
    drawing.line((x, y + rows * size + 14), (x + columns * size, y + rows * size + 14), arrow=True)
    drawing.text(x + columns * size / 2, y + rows * size + 32, "time: frames", 13, SOFT)
    drawing.line((x - 14, y + rows * size), (x - 14, y + 26), arrow=True)
    drawing.text(x - 22, y + rows * size - 28, "features", 13, SOFT, anchor="end")
    drawing.box(target[0], target[1] - 40, 230, 80, fill=SHARED)
    drawing.text(target[0] + 115, target[1] - 12, "9 + 6 + 4 = 19 numbers:", 15)
    drawing.text(target[0] + 115, target[1] + 14, "one mean, one variance", 15, bold=True)
    drawing.box(target[0], 300, 48, 24, fill="#ffffff", line=0.8)
    _hatch(drawing, target[0], 300, 48, 24)
    drawing.text(target[0] + 60, 317, "padding: is not there", 14, anchor="start")
    return drawing


def stepwise():
    """Draw one feature of a minibatch, normalised over sequences and step by step."""
    drawing = Drawing(
        860,
        300,
        "One feature of four utterances with 8, 6, 5 and 3 real frames. Left, sequence-wise: all "
        "22 real numbers share one mean. Right, step-wise: each frame has a mean of its own, of "
        "4, 4, 4, 3, 3, 2, 1 and 1 numbers.",
    )
    size, lengths, columns = 36, (8, 6, 5, 3), 8
    for panel, left in enumerate((90, 500)):
        title = ("sequence-wise", "step-wise")[panel]
        drawing.text(left + columns * size / 2, 34, title, 16, bold=True)
        for i, real in enumerate(lengths):
            y = 60 + i * size
            for t in range(columns):
                shade = SHARED if panel == 0 else (FILLS["sound"], FILLS["linear"])[t % 2]
                if t < real:
                    drawing.box(left + t * size, y, size, size, fill=shade, line=0.8)
                else:
                    drawing.box(left + t * size, y, size, size, fill="#ffffff", line=0.5)
            if real < columns:
                _hatch(drawing, left + real * size, y, (columns - real) * size, size, 9)
            if panel == 0:
                drawing.text(left - 12, y + 23, f"utterance {i + 1}", 12, SOFT, anchor="end")
        bottom = 60 + len(lengths) * size
        if panel == 0:
            steps = [(t, sum(real > t for real in lengths)) for t in range(columns)]
            corner = [(left, 60)]
            for t, count in steps:
                corner += [(left + t * size, 60 + count * size)]
                corner += [(left + (t + 1) * size, 60 + count * size)]
            corner += [(left + columns * size, 60), (left, 60)]
            drawing.line(*corner, color=RED, width=3)
            drawing.text(left + columns * size / 2, bottom + 30, "one mean of 22 numbers", 15)
        else:
            for t in range(columns):
                count = sum(real > t for real in lengths)
                drawing.box(
                    left + t * size + 2, 62, size - 4, count * size - 4, "none", BLUE, line=2.6
                )
                drawing.text(left + (t + 0.5) * size, bottom + 30, str(count), 15, bold=count == 1)
            drawing.text(left - 12, bottom + 30, "numbers:", 13, SOFT, anchor="end")
        drawing.text(left + columns * size / 2, bottom + 56, "time", 13, SOFT)
    return drawing


def _node(drawing, x, y, text, fill="#ffffff", radius=23):
    drawing.circle(x, y, radius, fill)
    drawing.text(x, y + 6, text, 17, italic=True)


def paths():
    """Draw the three ways by which one input reaches the loss."""
    drawing = Drawing(
        760,
        330,
        "Three ways lead from one input x k to the outputs: straight to its own normalised value; "
        "through the mean to all normalised values; through the variance to all of them.",
    )
    left, middle, right, out = 90, 300, 520, 660
    heights = {"₁": 60, "ₖ": 165, "ₙ": 270}
    for index, y in heights.items():
        for source, color in (((middle, 60), BLUE), ((middle, 270), SOFT)):
            dx, dy = right - source[0], y - source[1]
            distance = (dx * dx + dy * dy) ** 0.5
            start = source[0] + 24 * dx / distance, source[1] + 24 * dy / distance
            end = right - 26 * dx / distance, y - 26 * dy / distance
            drawing.line(start, end, color=color, arrow=True, dashed=color == SOFT)
        drawing.line((right + 24, y), (out - 26, y), arrow=True)
        _node(drawing, right, y, "x̂" + index, FILLS["convolution"] if index == "ₖ" else "#ffffff")
        _node(drawing, out, y, "y" + index)
    for y in (112, 217):
        drawing.text(right, y + 5, "⋮", 18, SOFT)
        drawing.text(out, y + 5, "⋮", 18, SOFT)
    drawing.line((left + 24, 165), (right - 27, 165), color=RED, width=3, arrow=True)
    drawing.line((left + 19, 150), (middle - 24, 72), color=BLUE, width=2.4, arrow=True)
    drawing.line((left + 19, 180), (middle - 24, 258), width=2.4, arrow=True, dashed=True)
    _node(drawing, left, 165, "xₖ", FILLS["convolution"])
    _node(drawing, middle, 60, "μ")
    _node(drawing, middle, 270, "σ²")
    drawing.text(225, 155, "itself", 14, RED)
    drawing.text(170, 92, "by the mean", 14, BLUE, anchor="end")
    drawing.text(170, 250, "by the variance", 14, SOFT, anchor="end")
    return drawing


def _block(drawing, x, y, text, fill):
    drawing.box(x, y - 22, 60, 44, fill=fill)
    drawing.text(x + 30, y + 6, text, 18, bold=True)


def place():
    """Draw where the normalisation stands in a recurrent layer."""
    drawing = Drawing(
        780,
        250,
        "A recurrent layer: the input goes through W and through the normalisation B, for all "
        "frames at once. Then, frame after frame, U times the last state is added, f is applied, "
        "and the state h t goes out and back through U.",
    )
    y = 90
    drawing.box(110, 26, 286, 200, fill="#ffffff", color="#bbbbbb", line=1.4)
    drawing.box(410, 26, 290, 200, fill="#ffffff", color="#bbbbbb", line=1.4)
    drawing.text(253, 214, "all frames at once", 13, SOFT)
    drawing.text(555, 214, "frame after frame", 13, SOFT)
    drawing.text(56, y + 6, "xₜ", 18, italic=True)
    drawing.line((74, y), (136, y), arrow=True)
    _block(drawing, 138, y, "W", FILLS["linear"])
    drawing.line((200, y), (246, y), arrow=True)
    _block(drawing, 248, y, "B", FILLS["convolution"])
    drawing.line((310, y), (428, y), arrow=True)
    drawing.circle(446, y, 16)
    drawing.text(446, y + 6, "+", 18)
    drawing.line((464, y), (516, y), arrow=True)
    _block(drawing, 518, y, "f", FILLS["recurrent"])
    drawing.line((580, y), (726, y), arrow=True)
    drawing.text(750, y + 6, "hₜ", 18, italic=True)
    drawing.line((650, y), (650, 168), (582, 168), arrow=True)
    drawing.circle(650, y, 3.5, INK)
    _block(drawing, 518, 168, "U", FILLS["recurrent"])
    drawing.line((516, 168), (446, 168), (446, y + 18), arrow=True)
    drawing.text(482, 158, "U hₜ₋₁", 14, SOFT, italic=True)
    drawing.text(352, y - 12, "B(W xₜ)", 14, SOFT, italic=True)
    return drawing


def channel():
    """Draw one channel of a convolution's output, over all utterances, frames, frequencies."""
    drawing = Drawing(
        760,
        320,
        "Two utterances with two channels each; every channel is a sheet of frames and "
        "frequencies. The second utterance is shorter, the rest of it hatched. Channel 1 is shaded "
        "in both utterances, at all real frames and all frequencies: 35 + 20 = 55 numbers, one "
        "mean.",
    )
    size, columns, rows = 22, 7, 5
    for i, real in enumerate((7, 4)):
        top = 50 + i * 128
        drawing.text(100, top + 60, f"utterance {i + 1}", 13, SOFT, anchor="end")
        for c in range(2):
            x = 120 + c * 190
            _sheet(drawing, x, top, size, columns, rows, real, lambda _, c=c: c == 0)
            if c == 0:
                drawing.box(x, top, real * size, rows * size, "none", RED, line=2.6)
            if i == 0:
                drawing.text(x + columns * size / 2, 36, f"channel {c + 1}", 14, bold=c == 0)
    drawing.text(197, 308, "frames →", 12, SOFT)
    drawing.text(387, 308, "frames →", 12, SOFT)
    drawing.text(490, 110, "frequencies ↑", 12, SOFT, anchor="start")
    drawing.box(500, 140, 240, 76, fill=SHARED)
    drawing.text(620, 168, "7 · 5 + 4 · 5 = 55 numbers:", 15)
    drawing.text(620, 194, "one mean for channel 1", 15, bold=True)
    return drawing


def draw():
    """Return each drawing's text under its file name."""
    return {
        "norm_03_cube.svg": str(cube()),
        "norm_03_stepwise.svg": str(stepwise()),
        "norm_03_paths.svg": str(paths()),
        "norm_03_place.svg": str(place()),
        "norm_03_channel.svg": str(channel()),
    }
