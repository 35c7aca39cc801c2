"""The badge of the link that opens a chapter in Google Colab."""

from svg import BLUE, Drawing


def draw():
    """Return the text of the drawing under its file name."""
    drawing = Drawing(190, 30, "Open in Google Colab")
    drawing.box(1, 1, 188, 28, fill=BLUE)
    drawing.text(95, 20, "Open in Google Colab", color="#ffffff", bold=True)
    return {"colab.svg": str(drawing)}
