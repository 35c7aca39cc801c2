"""Drawings of chapter 11: one product for all frames, and the way from memory to arithmetic."""

from svg import BLUE, FILLS, RED, SOFT, Drawing

TIMES = "\u00d7"


def draw():
    """Return each picture's text under its file name."""
    return {"fast_11_products.svg": str(products()), "fast_11_memory.svg": str(memory())}


def products():
    """Show a product for each frame beside one product for all frames."""
    d = Drawing(
        900,
        330,
        "Left: each of four frames, a thin block of rows, is multiplied by W in a product of its "
        "own, and W is read from memory four times. Right: the four frames stand on each other as "
        "one tall block, and a single product reads W once.",
    )
    # To scale: x is as wide as W is high, and a is as wide as W.
    D, GH, N = 50, 84, 18
    d.line((450, 20), (450, 310), dashed=True)
    d.text(220, 34, "one product for each frame", 15, bold=True)
    d.text(675, 34, "one product for all frames", 15, bold=True)
    for t in range(4):
        y = 56 + 62 * t
        middle = y + D / 2
        d.text(70, middle + 6, f"x{'₁₂₃₄'[t]}", 16, italic=True)
        d.box(92, middle - N / 2, D, N, FILLS["sound"])
        d.text(163, middle + 6, TIMES, 18)
        d.box(185, y, GH, D, FILLS["recurrent"])
        d.text(185 + GH / 2, middle + 6, "W", 16, bold=True)
        d.text(290, middle + 6, "=", 18)
        d.box(310, middle - N / 2, GH, N)
        d.text(418, middle + 6, f"a{'₁₂₃₄'[t]}", 16, italic=True)
    d.text(185 + GH / 2, 322, "W is read four times", 13, RED)
    for t in range(4):
        y = 130 + N * t
        d.text(528, y + 14, f"x{'₁₂₃₄'[t]}", 16, italic=True)
        d.box(550, y, D, N, FILLS["sound"])
        d.box(768, y, GH, N)
        d.text(876, y + 14, f"a{'₁₂₃₄'[t]}", 16, italic=True)
    middle = 130 + 2 * N
    d.text(621, middle + 6, TIMES, 18)
    d.box(643, middle - D / 2, GH, D, FILLS["recurrent"])
    d.text(643 + GH / 2, middle + 6, "W", 16, bold=True)
    d.text(748, middle + 6, "=", 18)
    d.text(643 + GH / 2, 322, "W is read once", 13, BLUE)
    return d


def memory():
    """Show the arithmetic, a small cache beside it, and the large memory far away."""
    d = Drawing(
        900,
        240,
        "Three boxes from left to right: arithmetic, cache, memory. A wide pipe joins arithmetic "
        "and the small cache, a narrow pipe joins the cache and the large memory. Numbers that are "
        "used once have to come through the narrow pipe each time; those that are used again and "
        "again are fetched once.",
    )
    d.box(40, 70, 150, 90, FILLS["convolution"])
    d.text(115, 110, "arithmetic", 16, bold=True)
    d.text(115, 134, "multiplies and adds", 12, SOFT)
    d.box(190, 85, 130, 60, FILLS["sound"], line=0.8)
    d.text(255, 120, "wide pipe", 13)
    d.box(320, 70, 130, 90, FILLS["recurrent"])
    d.text(385, 110, "cache", 16, bold=True)
    d.text(385, 134, "small, near", 12, SOFT)
    d.box(450, 106, 190, 18, FILLS["sound"], line=0.8)
    d.text(545, 98, "narrow pipe", 13)
    d.box(640, 40, 220, 150, FILLS["linear"])
    d.text(750, 110, "memory", 16, bold=True)
    d.text(750, 134, "large, far away", 12, SOFT)
    d.text(255, 190, "used often: the arithmetic sets the pace", 13, BLUE)
    d.text(545, 222, "used once: the narrow pipe sets the pace", 13, RED)
    d.line((545, 206), (545, 130), color=RED, arrow=True)
    return d
