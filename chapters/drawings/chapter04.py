"""The drawings of chapter 04: the unrolled network, the GRU's cell, turned utterances, rows."""

from svg import BLUE, FAINT, FILLS, RED, SOFT, Drawing

MINUS, TIMES, SIGMA = "\u2212", "\u00d7", "\u03c3"  # as signs, not as letters that look alike


def draw():
    """Return each picture's text under its file name."""
    return {
        "recurrence_04_unrolled.svg": str(unrolled()),
        "recurrence_04_gru.svg": str(gru_cell()),
        "recurrence_04_turned.svg": str(turned()),
        "recurrence_04_rows.svg": str(rows()),
    }


def unrolled():
    """Show four steps of a recurrent layer, and the way that the gradient takes back."""
    d = Drawing(
        900,
        360,
        "A recurrent layer unrolled over four frames. Solid arrows: each state comes from the "
        "input term of its frame and, through U, from the state before. Dashed arrows: the "
        "gradient enters at every state from above and runs from right to left through U "
        "transposed.",
    )
    d.text(40, 178, "h₀", 17, italic=True)
    d.line((56, 164), (150, 164), arrow=True)
    d.line((150, 196), (56, 196), color=RED, arrow=True, dashed=True)
    for t in range(4):
        x = 155 + 195 * t
        d.box(x, 145, 80, 70, FILLS["recurrent"])
        d.text(x + 40, 187, "f", 19, italic=True)
        d.line((x + 28, 300), (x + 28, 220), arrow=True)
        d.line((x + 56, 220), (x + 56, 300), color=RED, arrow=True, dashed=True)
        d.text(x + 22, 322, f"a{'₁₂₃₄'[t]}", 17, italic=True)
        d.text(x + 62, 322, f"da{'₁₂₃₄'[t]}", 15, RED, italic=True)
        d.line((x + 28, 140), (x + 28, 66), arrow=True)
        d.line((x + 56, 66), (x + 56, 140), color=RED, arrow=True, dashed=True)
        d.text(x + 22, 52, f"h{'₁₂₃₄'[t]}", 17, italic=True)
        d.text(x + 62, 52, f"dh{'₁₂₃₄'[t]}", 15, RED, italic=True)
        if t < 3:
            d.line((x + 82, 164), (x + 190, 164), arrow=True)
            d.line((x + 190, 196), (x + 85, 196), color=RED, arrow=True, dashed=True)
        d.text(x - 48, 156, "U", 15, bold=True)
        d.text(x - 48, 214, "Uᵀ", 15, RED, bold=True)
    d.line((290, 345), (340, 345), arrow=True)
    d.text(350, 350, "forward", 13, anchor="start")
    d.line((510, 345), (460, 345), color=RED, arrow=True, dashed=True)
    d.text(520, 350, "gradient, backward through time", 13, RED, anchor="start")
    return d


def gru_cell():
    """Show one step of a gated recurrent unit."""
    d = Drawing(
        900,
        400,
        "One step of a GRU. The old state runs along the top, is multiplied by one minus z, and "
        "the candidate c times z is added to it. The candidate comes from its input term and "
        "from the old state times U_h, which the reset gate r multiplies. Both gates come from "
        "their input terms and the old state.",
    )
    d.text(34, 76, "h", 18, italic=True)
    d.text(52, 81, f"t{MINUS}1", 12, italic=True)
    d.line((72, 70), (626, 70), width=2.4, arrow=True)
    d.line((120, 70), (120, 322))
    for y, label in ((152, f"{SIGMA}( az + h Uz )"), (237, f"{SIGMA}( ar + h Ur )"), (322, "h Uh")):
        d.line((120, y), (173, y), arrow=True)
        d.box(176, y - 24, 134, 48, FILLS["linear"] if y < 300 else FILLS["plain"])
        d.text(243, y + 6, label, 15)
    d.text(243, 120, "update gate", 12, SOFT)
    d.text(243, 205, "reset gate", 12, SOFT)
    d.line((310, 237), (430, 237), (430, 304), arrow=True)
    d.text(370, 229, "r", 17, BLUE, bold=True, italic=True)
    d.line((310, 322), (412, 322), arrow=True)
    _sign(d, 430, 322, TIMES)
    d.line((446, 322), (502, 322), arrow=True)
    _sign(d, 520, 322, "+")
    d.line((520, 374), (520, 340), arrow=True)
    d.text(520, 392, "ac", 16, italic=True)
    d.line((536, 322), (572, 322), arrow=True)
    d.box(576, 298, 62, 48, FILLS["recurrent"])
    d.text(607, 328, "tanh", 15)
    d.line((638, 322), (722, 322), arrow=True)
    d.text(676, 313, "c", 17, BLUE, bold=True, italic=True)
    d.line((310, 152), (740, 152), (740, 304), arrow=True)
    d.text(470, 144, "z", 17, BLUE, bold=True, italic=True)
    d.line((644, 152), (644, 88), arrow=True)
    d.text(652, 122, f"1 {MINUS} z", 15, BLUE, bold=True, anchor="start")
    d.circle(644, 152, 3, SOFT, SOFT)
    d.circle(120, 70, 3, SOFT, SOFT)
    _sign(d, 644, 70, TIMES)
    _sign(d, 740, 322, TIMES)
    d.line((756, 322), (796, 322), (796, 88), arrow=True)
    d.line((660, 70), (778, 70), width=2.4, arrow=True)
    _sign(d, 796, 70, "+")
    d.line((812, 70), (852, 70), width=2.4, arrow=True)
    d.text(866, 76, "h", 18, italic=True)
    d.text(879, 81, "t", 12, italic=True)
    d.text(350, 58, "the state, kept where z is near 0", 12, SOFT)
    return d


def _sign(d, x, y, sign):
    d.circle(x, y, 15)
    d.text(x, y + 6, sign, 18)


def turned():
    """Show two utterances of unequal length, turned within their own lengths."""
    d = Drawing(
        860,
        210,
        "Two utterances of six and four frames in a batch of six frames. Turned within its own "
        "length, the second one has frames four, three, two, one, and its two padded frames "
        "stay at the end.",
    )
    frames = {"x": ("123456", "1234··"), "turned": ("654321", "4321··")}
    for column, (name, both) in enumerate(frames.items()):
        left = 110 + 420 * column
        for n, labels in enumerate(both):
            y = 60 + 66 * n
            for t, label in enumerate(labels):
                padded = label == "·"
                fill = FAINT if padded else FILLS["recurrent" if n else "sound"]
                d.box(left + 46 * t, y, 44, 44, fill)
                d.text(left + 46 * t + 22, y + 28, "0" if padded else label, 16)
        title = "as it is: read by the forward direction"
        if name == "turned":
            title = "turned: read by the backward direction"
            d.line((400, 115), (515, 115), arrow=True)
            d.text(457, 105, "reverse_sequences", 12, SOFT)
        d.text(left + 138, 40, title, 14, bold=True)
    d.text(96, 88, "length 6", 13, anchor="end")
    d.text(96, 154, "length 4", 13, anchor="end")
    d.text(430, 196, "grey: padding, last in both directions", 13, SOFT)
    return d


def rows():
    """Show a row convolution over three features."""
    d = Drawing(
        900,
        330,
        "Row convolution with tau 2. The output of feature 2 at frame 4 is the sum of the same "
        "feature's frames 4, 5 and 6, each with its own weight. Other features do not enter. "
        "Beyond the last frame there are zeros.",
    )
    left, side = 130, 62
    for row in range(3):
        for t in range(8):
            chosen = row == 1 and 3 <= t <= 5
            fill = FILLS["convolution"] if chosen else FILLS["plain"]
            d.box(left + side * t, 48 + 34 * row, side - 4, 30, fill, line=2.4 if chosen else 1)
            out = row == 1 and t == 3
            fill = FILLS["recurrent"] if out else FILLS["plain"]
            d.box(left + side * t, 212 + 34 * row, side - 4, 30, fill, line=2.4 if out else 1)
        for t in (8, 9):
            d.box(left + side * t, 48 + 34 * row, side - 4, 30, color=FAINT)
            d.text(left + side * t + 29, 68 + 34 * row, "0", 13, SOFT)
        d.text(left - 12, 69 + 34 * row, f"feature {row + 1}", 13, anchor="end")
        d.text(left - 12, 233 + 34 * row, f"feature {row + 1}", 13, anchor="end")
    x = left + side * 3 + 29
    for j in range(3):
        d.line((x + side * j, 112), (x + 8 * (j - 1), 240), color=BLUE, width=2, arrow=True)
    for j, (tx, ty) in enumerate(((x - 20, 166), (x + 17, 166), (x + 54, 166))):
        d.text(tx, ty, f"W{'₀₁₂'[j]}", 15, BLUE, bold=True)
    for t in range(8):
        d.text(left + side * t + 29, 38, str(t + 1), 13, SOFT)
    d.text(left - 12, 38, "frame", 13, SOFT, anchor="end")
    d.text(left + side * 9, 38, "beyond the end", 13, SOFT)
    d.text(left + side * 8 + 10, 268, "row convolution", 14, anchor="start", bold=True)
    d.text(left + side * 8 + 10, 164, "states of the layer below", 14, anchor="start", bold=True)
    return d
