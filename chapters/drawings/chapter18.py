"""Drawings of chapter 18: the gradient's way from the text to the waveform, and over a border."""

from svg import BLUE, FILLS, INK, RED, SOFT, Drawing

STAGES = (
    # name, fill, what is handed on, function forward, function backward
    ("STFT", FILLS["sound"], "samples", "stft_forward", "stft_backward"),
    ("power, log", FILLS["sound"], "spectrum", "log_forward", "log_backward"),
    ("normalise", FILLS["sound"], "log power", "normalise_forward", "normalise_backward"),
    ("network", FILLS["recurrent"], "x", "model.forward", "model.backward"),
    ("CTC", FILLS["linear"], "logits", "ctc_loss", ""),
)


def way_back():
    """Show the chain from waveform to loss, and the gradient that runs back through all of it."""
    d = Drawing(
        970,
        300,
        "From left to right, solid arrows: the waveform goes through STFT, power and logarithm, "
        "normalisation and network to CTC, which compares with the wanted text, seven. From right "
        "to left, dashed red arrows: the gradient goes back through all of them to the waveform, "
        "which moves a small step against it.",
    )
    left, width, gap, top = 156, 96, 78, 105
    for i, (name, fill, given, forward, backward) in enumerate(STAGES):
        x = left + i * (width + gap)
        d.box(x, top, width, 84, fill)
        d.text(x + width / 2, top + 48, name, 15, bold=True)
        d.text(x + width / 2, top - 12, forward, 12, SOFT)
        d.text(x + width / 2, top + 104, backward, 12, RED)
        d.line((x - gap + 4, top + 24), (x - 4, top + 24), arrow=True)
        d.line((x - 4, top + 60), (x - gap + 4, top + 60), color=RED, arrow=True, dashed=True)
        d.text(x - gap / 2, top + 14, given, 11, SOFT)
        d.text(x - gap / 2, top + 78, f"d{given}", 11, RED)
    points = []
    for n in range(33):  # a small wave for the sound
        height = 22 * (1 - abs(n - 16) / 17) * (-1) ** n
        points.append((2 * n + 18, top + 42 + height))
    d.line(*points, color=BLUE)
    d.text(50, top - 12, "waveform", 12, SOFT)
    last = left + 4 * (width + gap) + width / 2
    d.text(last, 34, "“seven”", 17, bold=True)
    d.text(last - 44, 34, "wanted:", 13, SOFT, anchor="end")
    d.line((last, 44), (last, top - 32), arrow=True)
    d.line((50, top + 84), (50, 255), (180, 255), color=RED, arrow=True, dashed=True)
    d.text(
        190,
        260,
        "a small step against the gradient, kept soft; then forward again,",
        14,
        INK,
        anchor="start",
    )
    d.text(
        190,
        281,
        "until the network writes what we want. Its weights stay as they are.",
        14,
        INK,
        anchor="start",
    )
    return d


def border():
    """Show why a short step along the gradient does what a long random one does not."""
    d = Drawing(
        760,
        300,
        "A map of sounds with a border between those heard as one and those heard as seven. From "
        "one sound near the border a short arrow along the gradient crosses it; dashed arrows of "
        "the same length in other directions stay on their side.",
    )
    d.box(20, 20, 720, 230, "#ffffff")
    d.line((450, 20), (438, 80), (462, 150), (446, 250), color=INK, width=2.4)
    d.text(150, 56, "heard as “one”", 16, bold=True)
    d.text(610, 56, "heard as “seven”", 16, bold=True)
    x, y, reach = 395, 140, 86
    for dx, dy in ((-0.82, 0.57), (-0.1, -0.995), (0.13, 0.99), (-0.9, -0.44)):
        d.line((x, y), (x + reach * dx, y + reach * dy), color=SOFT, arrow=True, dashed=True)
    d.line((x, y), (x + reach, y - 4), color=RED, width=3, arrow=True)
    d.circle(x, y, 7, INK)
    d.text(x - 18, y + 5, "the sound", 13, anchor="end")
    d.text(x + reach + 10, y, "along the gradient", 13, RED, anchor="start")
    d.text(180, 226, "dashed: as loud, in random directions", 13, SOFT)
    d.text(
        380,
        280,
        "each point is a sound: thousands of numbers, so thousands of directions",
        13,
        SOFT,
    )
    return d


def draw():
    """Return each picture's text under its file name."""
    return {"gradient_18_way_back.svg": str(way_back()), "gradient_18_border.svg": str(border())}
