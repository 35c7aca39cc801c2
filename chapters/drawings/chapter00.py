"""Drawing of chapter 00: from one symbol a frame to the text."""

from svg import FILLS, INK, SOFT, Drawing

PATH = "–tt–hrree–e–"  # reads "three"


def collapse():
    """Draw a path of symbols, the same with repeats merged, and with blanks dropped."""
    drawing = Drawing(
        760,
        268,
        "From a path to its text in two steps. One symbol in each of twelve frames: blank, t, t, "
        "blank, h, r, r, e, e, blank, e, blank. Repeats merged: blank, t, blank, h, r, e, blank, "
        "e, blank. Blanks dropped: t, h, r, e, e. A blank has kept the two e apart.",
    )
    x, size = 212, 44
    firsts = [t for t in range(len(PATH)) if t == 0 or PATH[t] != PATH[t - 1]]
    rows = (
        ("one symbol in each frame", [(t, t) for t in range(len(PATH))]),
        ("repeats merged", list(zip(firsts, [*firsts[1:], len(PATH)], strict=True))),
        ("blanks dropped", [(t, t) for t in firsts if PATH[t] != "–"]),
    )
    for row, (name, cells) in enumerate(rows):
        y = 20 + 84 * row
        drawing.text(x - 16, y + 27, name, 13, SOFT, anchor="end")
        for first, after in cells:
            width = max(1, after - first) * size - 6
            symbol = PATH[first]
            fill = FILLS["plain"] if symbol == "–" else FILLS["sound"]
            drawing.box(x + first * size, y, width, size - 4, fill)
            bold = symbol != "–"
            drawing.text(x + first * size + width / 2, y + 26, symbol, 17, INK, bold)
        if row < 2:
            drawing.line((x - 60, y + 46), (x - 60, y + 76), arrow=True)
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {"path_00_collapse.svg": str(collapse())}
