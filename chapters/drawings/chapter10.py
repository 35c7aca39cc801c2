"""Drawing of chapter 10: the questions that are asked of a network, and where each is put."""

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing

PARTS = (("convolution", "convolution"), ("recurrent 1", "recurrent"), ("recurrent 2", "recurrent"))
TOP, HEIGHT, WIDTH, GAP, LEFT = 120, 76, 120, 56, 250


def _network(d, top, name, ink):
    """Draw spectrogram, layers and output of one network in a row; return the boxes' middles."""
    d.text(12, top + HEIGHT / 2 - 4, name, 15, ink, bold=True, anchor="start")
    for row in range(4):
        for column in range(6):
            shade = 70 + 45 * ((3 * row + 2 * column) % 5)
            fill = f"rgb({shade},{shade},{shade})"
            d.box(132 + 11 * column, top + 12 + 13 * row, 11, 13, fill, SOFT, 0.4)
    middles = []
    for i, (part, fill) in enumerate((*PARTS, ("output", "linear"))):
        x = LEFT + i * (WIDTH + GAP)
        d.line((x - GAP + 6 if i else 202, top + HEIGHT / 2), (x - 5, top + HEIGHT / 2), arrow=True)
        d.box(x, top, WIDTH, HEIGHT, FILLS[fill])
        d.text(x + WIDTH / 2, top + HEIGHT / 2 + 5, part, 14, ink)
        middles.append(x + WIDTH / 2)
    return middles


def questions():
    """Show four questions, each at the part of the network that it is put to, and the control."""
    d = Drawing(
        960,
        390,
        "Two networks in two rows, one trained, one untrained, each from spectrogram through a "
        "convolution and two recurrent layers to the output. Four questions point at the upper "
        "one: what excites this filter, at the convolution; what can be read from this state, at "
        "the recurrent layers; where does it look, a dashed arrow back from the output to the "
        "spectrogram; what if a part is covered, at the spectrogram. Below: the same questions are "
        "put to the untrained network.",
    )
    middles = _network(d, TOP, "trained", INK)
    below = TOP + HEIGHT
    d.text(middles[0], 46, "What excites a filter?", 14, BLUE, bold=True)
    d.line((middles[0], 56), (middles[0], TOP - 6), color=BLUE, arrow=True)
    between = (middles[1] + middles[2]) / 2
    d.text(between, 46, "What can be read from a state?", 14, BLUE, bold=True)
    for middle in middles[1:3]:
        d.line((between, 56), (middle, TOP - 6), color=BLUE, arrow=True)
    d.text(148, 28, "What if a part", 14, BLUE, bold=True)
    d.text(148, 46, "is covered?", 14, BLUE, bold=True)
    d.line((165, 56), (165, TOP + 4), color=BLUE, arrow=True)
    d.line(
        (middles[3], below + 2), (middles[3], below + 40), (165, below + 40), (165, TOP + 68),
        color=RED, arrow=True, dashed=True,
    )  # fmt: skip
    d.text(between - 60, below + 32, "Where does it look? The gradient runs back.", 14, RED)
    _network(d, 270, "untrained", SOFT)
    d.text(
        480,
        376,
        "The control: the same questions, put to a network that has learned nothing.",
        14,
        INK,
    )
    return d


def draw():
    """Return each picture's text under its file name."""
    return {"look_10_questions.svg": str(questions())}
