"""Drawings of chapter 05: the lattice of CTC, and the ways into one of its states."""

from svg import BLUE, INK, RED, SOFT, Drawing

STATES = "–c–a–t–"
FRAMES = 7
# Two of the paths that read "cat": one state a frame.
EARLY = [1, 1, 3, 4, 5, 6, 6]
LATE = [0, 1, 2, 2, 3, 5, 5]


def _dots(drawing, x, y, dx, dy, states, frames):
    for s, symbol in enumerate(states):
        drawing.text(x - 34, y + s * dy + 5, symbol, size=15, bold=symbol != "–")
        for t in range(frames):
            fill = INK if symbol != "–" else "#ffffff"
            drawing.circle(x + t * dx, y + s * dy, 6, fill)


def lattice():
    """Draw all states over all frames, all steps that are allowed, and two whole paths."""
    drawing = Drawing(
        760,
        430,
        "The lattice of the word cat over seven frames: states blank, c, blank, a, blank, t, blank "
        "from top to bottom, frames from left to right; two paths lead from the upper left to the "
        "lower right, one in solid red, one in dashed blue.",
    )
    x, y, dx, dy = 90, 60, 62, 48
    for t in range(FRAMES - 1):
        for s in range(len(STATES)):
            for jump in (0, 1, 2):
                if s + jump >= len(STATES) or (jump == 2 and STATES[s] == "–"):
                    continue
                here, there = (x + t * dx, y + s * dy), (x + (t + 1) * dx, y + (s + jump) * dy)
                drawing.line(here, there, color="#d8d8d8", width=1)
    for path, color, dashed in ((LATE, BLUE, True), (EARLY, RED, False)):
        points = [(x + t * dx, y + s * dy) for t, s in enumerate(path)]
        drawing.line(*points, color=color, width=3, dashed=dashed)
    _dots(drawing, x, y, dx, dy, STATES, FRAMES)
    for t in range(FRAMES):
        drawing.text(x + t * dx, y - 24, f"t = {t + 1}", size=12, color=SOFT)
    right = x + FRAMES * dx
    for row, (path, color, dashed) in enumerate(((EARLY, RED, False), (LATE, BLUE, True))):
        top = 120 + 110 * row
        drawing.line((right, top), (right + 46, top), color=color, width=3, dashed=dashed)
        drawing.text(right + 58, top + 5, " ".join(STATES[s] for s in path), 16, anchor="start")
        drawing.text(right + 58, top + 30, "reads “cat”", 13, SOFT, anchor="start")
    drawing.text(x + 3 * dx, 400, "time: one symbol in each frame", 13, SOFT)
    return drawing


def ways_in():
    """Draw which states of the frame before lead into a state, in the three cases there are."""
    drawing = Drawing(
        760,
        250,
        "Which states lead into a state. A blank: itself and the label before. A label that "
        "differs from the one before: itself, the blank before, and the label before. A label "
        "that equals the one before: itself and the blank before only.",
    )
    cases = (
        ("a blank", "c–", 1, (0, 1), ()),
        ("a label, another than the last", "c–a", 2, (0, 1, 2), ()),
        ("a label, the same as the last", "o–o", 2, (0, 1), (2,)),
    )
    for i, (name, states, state, jumps, closed) in enumerate(cases):
        x, y, dx, dy = 95 + 245 * i, 60, 90, 55
        for s, symbol in enumerate(states):
            drawing.text(x - 26, y + s * dy + 5, symbol, size=15, bold=symbol != "–")
        for jump in jumps:
            start, end = (x, y + (state - jump) * dy), (x + dx - 9, y + state * dy)
            drawing.line((start[0] + 8, start[1]), end, arrow=True, color=SOFT, width=2)
        for jump in closed:
            start, end = (x, y + (state - jump) * dy), (x + dx - 9, y + state * dy)
            middle = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
            drawing.line((start[0] + 8, start[1]), end, color="#bbbbbb", width=2, dashed=True)
            for sign in (1, -1):
                drawing.line(
                    (middle[0] - 7, middle[1] - 7 * sign),
                    (middle[0] + 7, middle[1] + 7 * sign),
                    color=RED,
                    width=2.5,
                )
        for s, symbol in enumerate(states):
            drawing.circle(x, y + s * dy, 7, INK if symbol != "–" else "#ffffff")
        symbol = states[state]
        drawing.circle(x + dx, y + state * dy, 8, INK if symbol != "–" else "#ffffff", width=2)
        drawing.text(x, 30, "t – 1", 12, SOFT)
        drawing.text(x + dx, 30, "t", 12, SOFT)
        drawing.text(x + 45, 225, name, 14, bold=True)
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {"ctc_05_lattice.svg": str(lattice()), "ctc_05_ways_in.svg": str(ways_in())}
