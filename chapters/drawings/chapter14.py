"""Drawing of chapter 14: a second of speech, in three kinds of symbols."""

from svg import FILLS, INK, RED, SOFT, Drawing

TEXT = "those cats sat"
BIGRAMS = ("th", "os", "e", " ", "ca", "ts", " ", "sa", "t")
MANDARIN = (("那", "nà"), ("些", "xiē"), ("猫", "māo"))
LEFT, WIDTH, HIGH = 150, 560, 34


def _row(drawing, y, name, symbols, fill, high=HIGH):
    """Draw a row of boxes, equally wide, with a name before and their number behind."""
    drawing.text(LEFT - 14, y + high / 2 + 5, name, 13, SOFT, anchor="end")
    size = WIDTH / len(symbols)
    for i, symbol in enumerate(symbols):
        x = LEFT + i * size
        drawing.box(x + 1, y, size - 2, high, fill)
        if symbol:
            drawing.text(x + size / 2, y + 23, symbol.replace(" ", "␣"), 17, INK, bold=True)
    drawing.text(LEFT + WIDTH + 14, y + high / 2 + 5, f"{len(symbols)}", 15, INK, anchor="start")


def second():
    """Draw the symbols of a second above the frames that are left by strides of 4 and 8."""
    drawing = Drawing(
        860,
        322,
        "A second of speech in three kinds of symbols: “those cats sat” as 14 letters and spaces, "
        "as 9 bigrams, th os e space ca ts space sa t, and 3 Mandarin characters. Below, what the "
        "strides in time leave of 100 frames: 25 with a stride of 4, enough for all; 12 with one "
        "of 8, enough for the bigrams and the characters, but not for 14 letters.",
    )
    _row(drawing, 12, "letters", TEXT, FILLS["sound"])
    _row(drawing, 58, "bigrams", BIGRAMS, FILLS["convolution"])
    _row(drawing, 104, "Mandarin", [name for name, _ in MANDARIN], FILLS["recurrent"])
    for i, (_, sound) in enumerate(MANDARIN):
        x = LEFT + (i + 0.5) * WIDTH / len(MANDARIN)
        drawing.text(x + 34, 127, sound, 13, SOFT)
    drawing.line((LEFT, 160), (LEFT + WIDTH, 160), arrow=True)
    drawing.text(LEFT + WIDTH / 2, 180, "a second of sound, 100 frames", 13, SOFT)
    for y, stride, count, note in (
        (200, 4, 25, "enough for all"),
        (254, 8, 12, "too few for the letters"),
    ):
        _row(drawing, y, f"stride of {stride}", [""] * count, FILLS["plain"], 22)
        drawing.text(LEFT + WIDTH / 2, y + 40, f"{count} frames: {note}", 13, RED)
    return drawing


def draw():
    """Return each picture's text under its file name."""
    return {"symbols_14_second.svg": str(second())}
