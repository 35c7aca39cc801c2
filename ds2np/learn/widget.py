"""Pictures that move: a widget of the book, in a notebook and in the page made from it."""

import base64
import html
import re

from ds2np.errors import UserError
from ds2np.learn.book import FOLDER

NOTE = "Where scripts may run, in the book's pages or in a trusted notebook, this picture moves."


def show_widget(name):
    """Show a widget; where scripts do not run, its still picture.

    The scripts are part of the cell's output and load nothing.

    Parameters
    ----------
    name : str
        Of a file in the folder chapters/widgets, such as "ctc_lattice".

    Raises
    ------
    UserError
        If there is no such widget.
    """
    from IPython.display import HTML, display

    display(HTML(widget_html(name)))


def widget_html(name):
    """Return a widget with its still picture as HTML.

    Raises
    ------
    UserError
        If there is no such widget.
    """
    script, picture = FOLDER / "widgets" / f"{name}.js", FOLDER / "images" / f"widget_{name}.svg"
    if not script.exists() or not picture.exists():
        raise UserError(f"there is no widget {name}; a clone has them in chapters/widgets")
    still = picture.read_text(encoding="utf-8")
    title = html.unescape(re.search("<title>(.*?)</title>", still, re.DOTALL)[1])
    code = [
        (FOLDER / "widgets" / file).read_text(encoding="utf-8") for file in ("kit.js", script.name)
    ]
    return (
        f'<figure data-widget="{name}"><img alt="{html.escape(title)}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(still.encode()).decode()}">'
        f"<figcaption>{NOTE}</figcaption></figure>\n"
        f"<script>(() => {{\n{''.join(code)}}})();</script>"
    )
