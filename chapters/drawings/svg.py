"""A few shapes in the one style of the book's drawings; they read in black and white, too."""

from html import escape

INK, SOFT, FAINT = "#222222", "#555555", "#cccccc"
BLUE, RED = "#1f5f8b", "#b3261e"
FILLS = {
    "sound": "#d6e6f2",
    "convolution": "#f5d9a8",
    "recurrent": "#cfe3d4",
    "linear": "#d9d3ea",
    "plain": "#ffffff",
}


class Drawing:
    """An SVG picture that grows shape by shape.

    Parameters
    ----------
    width, height : float
        In units of its own; the page scales it.
    title : str
        What it shows, for those who cannot see it.
    """

    def __init__(self, width, height, title):
        self.width, self.height, self.title = width, height, title
        self.shapes = []

    def line(self, *points, color=SOFT, width=1.6, arrow=False, dashed=False):
        """Draw a line through points (x, y), with a tip at its end if it is an arrow."""
        path = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
        tip = ' marker-end="url(#tip)"' if arrow else ""
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self.shapes.append(
            f'<path d="{path}" stroke="{color}" stroke-width="{width:g}" fill="none"{tip}{dashes}/>'
        )

    def circle(self, x, y, radius, fill="#ffffff", color=INK, width=1.2):
        """Draw a circle around (x, y)."""
        self.shapes.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{radius:g}" fill="{fill}" stroke="{color}" '
            f'stroke-width="{width:g}"/>'
        )

    def box(self, x, y, width, height, fill="#ffffff", color=INK, line=1.2, opacity=1.0):
        """Draw a rectangle whose upper left corner is (x, y)."""
        clear = f' opacity="{opacity:g}"' if opacity < 1 else ""
        self.shapes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="2" '
            f'fill="{fill}" stroke="{color}" stroke-width="{line:g}"{clear}/>'
        )

    def text(self, x, y, text, size=13, color=INK, bold=False, anchor="middle", italic=False):
        """Write on the base line y; anchor is "start", "middle" or "end"."""
        weight = ' font-weight="bold"' if bold else ""
        style = ' font-style="italic"' if italic else ""
        self.shapes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{color}"{weight}{style} '
            f'text-anchor="{anchor}">{escape(text)}</text>'
        )

    def __str__(self):
        title = escape(self.title)
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width:g} '
                f'{self.height:g}" font-family="system-ui, sans-serif" role="img">',
                f"<title>{title}</title>",
                f'<rect width="{self.width:g}" height="{self.height:g}" fill="#ffffff"/>',
                '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
                f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="{SOFT}"/></marker>'
                "</defs>",
                *self.shapes,
                "</svg>",
                "",
            ]
        )
