"""Drawing of chapter 09: what becomes of a prefix in the next frame."""

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing

WIDTH, ROW = 120, 24
CASES = (  # the frame's symbol, and for each target: which sums go there, and into which one
    ("–", "a blank", [("ca", {0: 0, 1: 0}, "")]),
    ("a", "its last symbol", [("ca", {1: 1}, "said for longer"), ("caa", {0: 1}, "a second a")]),
    ("t", "another symbol", [("cat", {0: 1, 1: 1}, "")]),
)


def _prefix(drawing, x, y, text, bold):
    """Draw a prefix above its two sums, those in `bold` with a thick border."""
    drawing.text(x + WIDTH / 2, y + 18, f"“{text}”", 16, INK, bold=True)
    for part, name in enumerate(("ends in –", f"ends in {text[-1]}")):
        fill = FILLS["plain" if part == 0 else "sound"]
        line = 2.4 if part in bold else 0.8
        drawing.box(x, y + 26 + ROW * part, WIDTH, ROW - 3, fill=fill, line=line)
        drawing.text(x + WIDTH / 2, y + 41 + ROW * part, name, 12, INK, bold=part in bold)


def _middle(y, part):
    return y + 26 + ROW * part + (ROW - 3) / 2


def cases():
    """Draw the three cases, each with the frame's symbol."""
    drawing = Drawing(
        860,
        470,
        "What becomes of the prefix “ca” in the next frame. A blank: it stays “ca”, and both sums "
        "go into the one that ends in a blank. Its last symbol a: what ended in a stays “ca”, what "
        "ended in a blank becomes “caa”. Another symbol, t: both sums go into “cat”.",
    )
    y = 10
    for symbol, name, targets in CASES:
        height = 96 * len(targets)
        left = y + (height - 96) / 2
        drawing.text(20, left + 54, name, 14, SOFT, anchor="start")
        given = {part for _, ways, _ in targets for part in ways}
        _prefix(drawing, 160, left, "ca", given)
        for i, (text, ways, note) in enumerate(targets):
            there = y + 96 * i
            _prefix(drawing, 540, there, text, set(ways.values()))
            color = RED if note else BLUE
            for part, into in ways.items():
                ends = (168 + WIDTH, _middle(left, part)), (532, _middle(there, into))
                drawing.line(*ends, color=color, arrow=True)
            drawing.text(500, there + 22, f"· y({symbol})", 13, INK, anchor="end")
            drawing.text(552 + WIDTH, there + 56, note, 13, SOFT, anchor="start")
        y += height + 24
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {"decode_09_cases.svg": str(cases())}
