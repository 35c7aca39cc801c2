"""Drawings of chapter 06: one step of training, momentum and Nesterov's, buckets."""

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing

# Frames of twelve utterances, in the order in which somebody recorded them.
FRAMES = (9, 3, 6, 12, 4, 8, 11, 3, 7, 5, 10, 2)


def step():
    """Draw the loop of training: plan, gradient, clipping, velocity, weights."""
    drawing = Drawing(
        900,
        210,
        "One step of training, a loop. A plan says which utterances come next; the network gives "
        "the gradient of their mean loss; a gradient that is too long is clipped; it changes the "
        "velocity, the velocity moves the weights; with the new weights the next minibatch comes.",
    )
    parts = (
        ("plan", "which utterances", FILLS["sound"]),
        ("gradient", "of the mean loss", FILLS["recurrent"]),
        ("clip", "if it is too long", FILLS["convolution"]),
        ("velocity", "remembers", FILLS["linear"]),
        ("weights", "move", FILLS["plain"]),
    )
    width, gap, top = 140, 40, 50
    for i, (name, what, fill) in enumerate(parts):
        x = 20 + i * (width + gap)
        drawing.box(x, top, width, 64, fill=fill)
        drawing.text(x + width / 2, top + 28, name, 16, bold=True)
        drawing.text(x + width / 2, top + 49, what, 13, SOFT)
        if i:
            drawing.line((x - gap + 4, top + 32), (x - 4, top + 32), arrow=True, width=2)
    last, first = 20 + 4 * (width + gap) + width / 2, 20 + width / 2
    back = [(last, top + 66), (last, 160), (first, 160), (first, top + 68)]
    drawing.line(*back, arrow=True, width=2)
    drawing.text(
        (first + last) / 2, 182, "the next minibatch; after each epoch, a smaller rate", 13
    )
    return drawing


def _arrow(drawing, start, move, color, dashed=False, width=2.4):
    end = start[0] + move[0], start[1] + move[1]
    drawing.line(start, end, color=color, width=width, arrow=True, dashed=dashed)
    return end


def nesterov():
    """Draw where each of the two measures the gradient, in the same valley."""
    drawing = Drawing(
        860,
        330,
        "Two walkers at the same place with the same velocity, above the floor of a valley. With "
        "momentum, the gradient is measured where the walker stands, and the step crosses the "
        "floor. With Nesterov's, it is measured at the end of the velocity's part, beyond the "
        "floor, where it points back; the step ends nearer to the floor.",
    )
    carry, along, steep, floor = (190, 95), 24, 0.75, 180
    for panel, name in enumerate(("momentum", "Nesterov's momentum")):
        left = 40 + 420 * panel
        place = left + 40, 110
        drawing.text(left + 180, 30, name, 16, bold=True)
        drawing.line((left, floor), (left + 370, floor), color="#bbbbbb", width=7)
        drawing.text(left + 368, floor - 10, "floor of the valley", 12, SOFT, anchor="end")
        ahead = _arrow(drawing, place, carry, BLUE, dashed=True)
        asked = ahead if panel else place
        push = along, steep * (floor - asked[1])
        end = ahead[0] + push[0], ahead[1] + push[1]
        if not panel:
            _arrow(drawing, place, push, SOFT, width=1.8)
            drawing.text(place[0] + 8, place[1] + 42, "– r g", 14, SOFT, anchor="end")
        _arrow(drawing, ahead, push, SOFT, width=1.8)
        drawing.text(
            ahead[0] + 28, ahead[1] + (10 if panel else 28), "– r g", 14, SOFT, anchor="start"
        )
        drawing.text(
            place[0] + (42 if panel else 100),
            place[1] + (50 if panel else 36),
            "m v",
            14,
            BLUE,
            italic=True,
        )
        _arrow(drawing, place, (end[0] - place[0], end[1] - place[1]), RED, width=2.6)
        drawing.circle(*place, 6, INK)
        drawing.circle(*asked, 11, "none", color=INK, width=2)
    drawing.circle(60, 312, 8, "none", color=INK, width=2)
    drawing.text(76, 317, "here the gradient g is measured", 13, anchor="start")
    _arrow(drawing, (330, 312), (44, 0), BLUE, dashed=True)
    drawing.text(384, 317, "what the velocity carries on", 13, anchor="start")
    _arrow(drawing, (600, 312), (44, 0), RED, width=3)
    drawing.text(654, 317, "the whole step", 13, anchor="start")
    return drawing


def _hatch(drawing, x, y, width, height, gap=7):
    """Hatch a rectangle with strokes that rise to the right."""
    position = gap
    while position < width + height:
        start, end = min(position, height), max(0, position - width)
        drawing.line(
            (x + position - start, y + start), (x + position - end, y + end), color=SOFT, width=0.8
        )
        position += gap


def buckets():
    """Draw twelve utterances in three minibatches, as they come and by length."""
    drawing = Drawing(
        860,
        345,
        "Twelve utterances in minibatches of four, padding hatched. Left, as they come: every "
        "minibatch has a long utterance and much padding. Right, in order of length and then cut: "
        "the four short ones, the four middle ones and the four long ones need little.",
    )
    size, height = 28, 18
    for panel, (title, order) in enumerate((("as they come", FRAMES), ("buckets", sorted(FRAMES)))):
        left, wasted = 50 + 420 * panel, 0
        drawing.text(left + 6 * size, 28, title, 16, bold=True)
        for i, frames in enumerate(order):
            batch = i // 4
            longest = max(order[4 * batch : 4 * batch + 4])
            y = 48 + i * height + 14 * batch
            drawing.box(left, y, frames * size, height, FILLS["sound"], line=0.9)
            if frames < longest:
                drawing.box(left + frames * size, y, (longest - frames) * size, height, line=0.9)
                _hatch(drawing, left + frames * size, y, (longest - frames) * size, height)
            wasted += longest - frames
            if i % 4 == 0:
                drawing.box(left, y, longest * size, 4 * height, "none", RED, line=2.4)
        whole = sum(order) + wasted
        text = f"{sum(order)} real frames, {wasted} of padding, {whole} to compute"
        drawing.text(left + 6 * size, 332, text, 14)
    drawing.line((50, 306), (160, 306), arrow=True)
    drawing.text(168, 311, "time", 13, SOFT, anchor="start")
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {
        "training_06_step.svg": str(step()),
        "training_06_nesterov.svg": str(nesterov()),
        "training_06_buckets.svg": str(buckets()),
    }
