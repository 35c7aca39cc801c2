"""Drawing of chapter 16: pieces of a stream, and what is kept from one to the next."""

import math

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing

LEFT, PIECE, GAP = 138, 150, 104
ROWS = (
    # top, name, fill, what is kept
    (104, "convolution", FILLS["convolution"], "its last frames"),
    (172, "recurrence", FILLS["recurrent"], "h"),
    (240, "row convolution", FILLS["recurrent"], "τ frames wait"),
)
HIGH = 40


def pieces():
    """Show three pieces of sound on their way through the layers, the third not yet spoken."""
    d = Drawing(
        860,
        366,
        "Three pieces of sound, from left to right; the third has not been spoken yet. Each goes "
        "down through convolution, recurrence and row convolution and adds to the text below. "
        "Between two pieces, arrows hand over what each layer keeps: the convolution its last "
        "frames, the recurrence its state h, the row convolution the frames that still wait for "
        "later ones. The text comes later than its sound: nothing, then th, then those.",
    )
    d.text(LEFT - 16, 52, "sound", 14, SOFT, anchor="end")
    d.text(LEFT - 16, 329, "text so far", 14, SOFT, anchor="end")
    for row, (top, name, _, kept) in enumerate(ROWS):
        d.text(LEFT - 16, top + HIGH / 2 + 5, name, 14, SOFT, anchor="end")
        for column in range(2):
            x = LEFT + (column + 1) * PIECE + column * GAP
            d.line(
                (x + 3, top + HIGH / 2),
                (x + GAP - 3, top + HIGH / 2),
                color=RED,
                arrow=True,
                dashed=column == 1,
            )
            d.text(x + GAP / 2, top + HIGH / 2 - 7, kept, 12, RED, italic=row == 1)
    for column, text in enumerate(("", "th", "those")):
        x, coming = LEFT + column * (PIECE + GAP), column == 2
        wave = []
        for n in range(46):
            place = n + 46 * column
            high = 17 * abs(math.sin(0.11 * place)) * (1 + 0.3 * math.sin(0.5 * place))
            wave.append((x + 6 + 3 * n, 47 + high * (-1) ** n))
        d.box(x, 18, PIECE, 58, FILLS["sound"], opacity=0.35 if coming else 1)
        d.line(*wave, color="#9db9cd" if coming else BLUE, width=1.2)
        for top, _, fill, _ in ROWS:
            d.line((x + PIECE / 2, top - 26), (x + PIECE / 2, top - 3), arrow=True, dashed=coming)
            d.box(x, top, PIECE, HIGH, fill, opacity=0.35 if coming else 1)
        d.line((x + PIECE / 2, 282), (x + PIECE / 2, 303), arrow=True, dashed=coming)
        color = SOFT if coming else INK
        d.text(x + PIECE / 2, 330, f"“{text}”", 17, color, bold=bool(text))
        when = ("piece 1", "piece 2, now", "piece 3, not spoken yet")[column]
        d.text(x + PIECE / 2, 356, when, 12, SOFT)
    return d


def draw():
    """Return each picture's text under its file name."""
    return {"stream_16_pieces.svg": str(pieces())}
