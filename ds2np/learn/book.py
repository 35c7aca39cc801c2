"""The chapters, in order, and the exercises of each."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

# In a clone, the folder of the notebooks; what pip has copied elsewhere has none.
FOLDER = Path(__file__).parents[2] / "chapters"


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book.

    Attributes
    ----------
    file : str
        Its name without ending, such as "05_ctc".
    title : str
    builds : str
        What its reader builds.
    paper : str
        The section of the paper that it is about.
    minutes : int
        What a reader needs, exercises included.
    """

    file: str
    title: str
    builds: str
    paper: str
    minutes: int

    @property
    def number(self):
        """Two digits."""
        return self.file[:2]

    @property
    def exercises(self):
        """All exercises of this chapter, a tuple of `Exercise`."""
        name = f"ds2np.learn.exercises.chapter{self.number}"
        return importlib.import_module(name).EXERCISES if importlib.util.find_spec(name) else ()


CHAPTERS = (
    Chapter(
        "00_ten_minutes",
        "A recogniser in ten minutes",
        "nothing yet: hear, see, train and transcribe with the finished package",
        "the whole",
        20,
    ),
    Chapter(
        "01_sound",
        "Sound to spectrogram",
        "frames, window, Fourier transform, power, log, mel, and the way back",
        "features",
        75,
    ),
    Chapter(
        "02_convolution",
        "Convolution over time and frequency",
        "1D and 2D convolution with stride, their backward passes, three ways to compute them",
        "convolution over time and frequency",
        75,
    ),
    Chapter(
        "03_batch_norm",
        "Batch normalisation for sequences",
        "masked mean and variance over all frames of a minibatch, and their backward pass",
        "batch normalisation for deep RNNs",
        60,
    ),
    Chapter(
        "04_recurrence",
        "Recurrence",
        "simple RNN, backpropagation through time, GRU, two directions, row convolution",
        "recurrent layers, GRUs, row convolution",
        90,
    ),
    Chapter(
        "05_ctc",
        "CTC",
        "the sum over all alignments, its gradient in log space, the best alignment",
        "the CTC loss",
        90,
    ),
)


def find_exercise(number):
    """Return an exercise by its number, or None.

    Parameters
    ----------
    number : str
        Such as "05.2".

    Returns
    -------
    Exercise or None
    """
    for chapter in CHAPTERS:
        if number.startswith(chapter.number):
            return next((e for e in chapter.exercises if e.number == number), None)
    return None
