"""Pictures to touch: the widgets of the book, in a notebook and in the page made from it."""

import base64
import html
import re

from ds2np.errors import UserError
from ds2np.learn.book import FOLDER
from ds2np.learn.notebook import player_html

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
    code = _script(name)
    still = (FOLDER / "images" / f"widget_{name}.svg").read_text(encoding="utf-8")
    title = html.unescape(re.search("<title>(.*?)</title>", still, re.DOTALL)[1])
    return (
        f'<figure data-widget="{name}"><img alt="{html.escape(title)}" '
        f'src="data:image/svg+xml;base64,{base64.b64encode(still.encode()).decode()}">'
        f"<figcaption>{NOTE}</figcaption></figure>\n{code}"
    )


def play_letters(samples, rate, text, times, title=""):
    """Show an audio player and a text whose letters light up while they are said.

    Where scripts do not run, it is a player and the text.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    rate : int
        In Hz.
    text : str
    times : ndarray of shape (len(text), 2)
        Start and end of each letter in seconds, as from `Alignment.times`.
    title : str

    Raises
    ------
    ValueError
        If a letter lacks its time.
    """
    from IPython.display import HTML, display

    display(HTML(letters_html(samples, rate, text, times, title)))


def letters_html(samples, rate, text, times, title=""):
    """Return what `play_letters` shows."""
    if len(text) != len(times):
        raise ValueError(f"{len(text)} letters need as many times, got {len(times)}")
    letters = "".join(
        f'<span data-start="{start:.3f}">{html.escape(letter)}</span>'
        for letter, (start, _) in zip(text, times, strict=True)
    )
    return (
        f'<figure data-widget="lit_letters">{player_html(samples, rate, title)}<p>{letters}</p>'
        f"</figure>\n{_script('lit_letters')}"
    )


def _script(name):
    files = FOLDER / "widgets" / "kit.js", FOLDER / "widgets" / f"{name}.js"
    if not files[1].exists():
        raise UserError(f"there is no widget {name}; a clone has them in chapters/widgets")
    code = "".join(file.read_text(encoding="utf-8") for file in files)
    return f"<script>(() => {{\n{code}}})();</script>"
