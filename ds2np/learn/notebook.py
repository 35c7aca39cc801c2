"""Functions for the notebooks: check an answer, show a figure, play a sound."""

import ast
import base64
import html
import inspect
import io
import textwrap

import numpy as np

from ds2np.audio.resampling import resample
from ds2np.errors import UserError
from ds2np.learn import answers
from ds2np.learn.book import find_exercise
from ds2np.learn.exercise import CORRECT, WRONG
from ds2np.learn.hints import HINTS

_given = {}  # number of hints that were shown, by exercise

MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def check(number, answer):
    """Check the answer to an exercise such as "05.2" and print the verdict.

    A correct answer is written to the reader's file.
    """
    exercise = find_exercise(number)
    if exercise is None:
        raise ValueError(f"there is no exercise {number}")
    verdict, printed = answers.check(exercise, answer)
    print(f"{printed}{number} {exercise.function}: {verdict}")
    if verdict.state == CORRECT:
        _keep(exercise, answer)
    elif verdict.state == WRONG and exercise.number in HINTS:
        print(f'for a hint: from ds2np.learn import hint; hint("{exercise.number}")')


def hint(number):
    """Print a hint for an exercise such as "05.2"; another call prints the next one."""
    if number not in HINTS:
        raise ValueError(f"there is no exercise {number}")
    hints, given = HINTS[number], _given.get(number, 0)
    _given[number] = given + 1
    if given < len(hints):
        print(f"{number}, hint {given + 1} of {len(hints)}: {hints[given]}")
    else:
        print(f"{number}: that was the last hint; the solutions are in chapters/solutions")


def _keep(exercise, answer):
    path = answers.default_path()
    if getattr(answer, "__module__", None) != "__main__":
        print("not kept: it was not defined in a cell")
        return
    try:
        source = textwrap.dedent(inspect.getsource(answer))
        kinds = [(type(node), getattr(node, "name", None)) for node in ast.parse(source).body]
    except (OSError, TypeError, SyntaxError):
        kinds = []
    if kinds != [(ast.FunctionDef, exercise.function)]:
        print(f"not kept: it is not defined by `def {exercise.function}(...)`")
        return
    try:
        verdict = answers.keep(path, exercise, source)
    except (UserError, OSError) as error:
        print(f"not kept: {error}")
        return
    if verdict.state == CORRECT:
        print(f"kept in {path.name}; the package's: {exercise.origin()}")
    else:
        print(
            f"not kept in {path.name}, where it is {verdict}; if it needs names from another "
            f"cell, define them in the function or in that file"
        )


def show(figure, description):
    """Show a matplotlib figure with a description, as alt text and as its caption, and close it."""
    import matplotlib.pyplot as plt
    import PIL.Image
    from IPython.display import HTML, Image, display

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    # 64 colours keep the notebooks small in the repository.
    PIL.Image.open(drawn).convert("RGB").quantize(64).save(small, format="PNG", optimize=True)
    display(Image(small.getvalue(), alt=description))
    # A screen reader has read the alt text.
    display(HTML(f'<figcaption aria-hidden="true">{html.escape(description)}</figcaption>'))


def play(samples, rate, title=""):
    """Show an audio player for samples of shape (samples,) at a sampling rate in Hz."""
    from IPython.display import HTML, display

    display(HTML(f"<figure>{player_html(samples, rate, title)}</figure>"))


def player_html(samples, rate, title=""):
    """Return a caption, if there is a title, and an audio player as HTML."""
    import soundfile

    samples = np.asarray(samples, np.float32)
    seconds = len(samples) / rate
    if rate not in MP3_RATES:
        new_rate = next((r for r in MP3_RATES if r > rate), MP3_RATES[-1])
        samples, rate = resample(samples, rate, new_rate), new_rate
    peak = float(np.abs(samples).max(initial=0))
    file = io.BytesIO()
    soundfile.write(
        file, samples / max(peak, 1.0), rate, format="MP3"
    )  # small; all browsers play it
    sound = base64.b64encode(file.getvalue()).decode()
    caption = f"<figcaption>{html.escape(title)} ({seconds:.1f} s)</figcaption>" if title else ""
    return f'{caption}<audio controls src="data:audio/mpeg;base64,{sound}"></audio>'
