"""What the notebooks call: a check, a picture with its description, a player."""

import base64
import html
import inspect
import io
import textwrap

import numpy as np

from ds2np.errors import UserError
from ds2np.learn import mine
from ds2np.learn.book import find_exercise
from ds2np.learn.exercise import CORRECT


def check(number, answer):
    """Check an answer and print the verdict; keep a correct one in the reader's file.

    Parameters
    ----------
    number : str
        Of the exercise, such as "05.2".
    answer : callable
    """
    exercise = find_exercise(number)
    if exercise is None:
        raise ValueError(f"there is no exercise {number}")
    verdict = exercise.check(answer)
    print(f"{number} {exercise.function}: {verdict}")
    if verdict.state == CORRECT:
        _keep(exercise, answer)


def _keep(exercise, answer):
    path = mine.default_path()
    try:
        source = textwrap.dedent(inspect.getsource(answer))
        if not source.startswith(f"def {exercise.function}("):
            return  # one of the package's functions, say, under another name
        mine.keep(path, exercise.function, source, exercise.number)
        verdict = exercise.check(mine.load(path)[exercise.function])
    except (OSError, TypeError):  # no source: not written in a cell
        return
    except UserError as error:
        print(f"not kept: {error}")
        return
    if verdict.state == CORRECT:
        print(f"kept in {path.name}")
    else:
        print(f"kept in {path.name}, but there it is {verdict}; does it need another cell's names?")


def show(figure, description):
    """Show a figure with a description for those who cannot see it.

    Parameters
    ----------
    figure : matplotlib Figure
        Closed afterwards.
    description : str
    """
    import matplotlib.pyplot as plt
    from IPython.display import Image, display

    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=90, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    display(Image(file.getvalue(), alt=description))


def play(samples, rate, title=""):
    """Show a player.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    rate : int
        Samples a second.
    title : str
        Written above it.
    """
    import soundfile
    from IPython.display import HTML, display

    samples = np.asarray(samples, np.float32)
    peak = float(np.abs(samples).max(initial=0))
    file = io.BytesIO()
    soundfile.write(file, samples / max(peak, 1.0), rate, format="MP3")  # small, and all play it
    sound = base64.b64encode(file.getvalue()).decode()
    caption = f"{html.escape(title)} ({len(samples) / rate:.1f} s)" if title else ""
    display(
        HTML(
            f"<figure><figcaption>{caption}</figcaption>"
            f'<audio controls src="data:audio/mpeg;base64,{sound}"></audio></figure>'
        )
    )
