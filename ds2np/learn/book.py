"""The chapters of the book in order, with their exercises."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CLONE = ROOT if (ROOT / "chapters" / "build.py").exists() else None  # None: installed without it
FOLDER = (CLONE or Path(__file__).parent) / "chapters"  # of the notebooks


@dataclass(frozen=True)
class Chapter:
    """A chapter of the book.

    Attributes
    ----------
    file : str
        File name without ending, such as "05_ctc".
    title : str
    builds : str
        What the reader builds.
    paper : str
        The section of the paper it covers.
    minutes : int
        Reading time, exercises included.
    """

    file: str
    title: str
    builds: str
    paper: str
    minutes: int

    @property
    def number(self):
        """Number of the chapter, two digits."""
        return self.file[:2]

    @property
    def exercises(self):
        """Exercises of the chapter, a tuple of `Exercise`."""
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
        "frames, window, Fourier transform, power, log, mel, aliasing, and the way back",
        "features",
        90,
    ),
    Chapter(
        "02_convolution",
        "Convolution over time and frequency",
        "1D and 2D convolution with stride, their backward passes, three ways to compute them",
        "convolution over time and frequency",
        85,
    ),
    Chapter(
        "03_batch_norm",
        "Batch normalisation for sequences",
        "masked mean and variance over all frames of a minibatch, and their backward pass",
        "batch normalisation for deep RNNs",
        65,
    ),
    Chapter(
        "04_recurrence",
        "Recurrence",
        "simple RNN, backpropagation through time, GRU and what its gates are for, two directions, "
        "row convolution",
        "recurrent layers, GRUs, row convolution",
        90,
    ),
    Chapter(
        "05_ctc",
        "CTC",
        "the sum over all alignments, its gradient in log space, the best alignment; why so many "
        "blanks",
        "the CTC loss",
        90,
    ),
    Chapter(
        "06_training",
        "Training",
        "momentum, clipping, annealing, the mean of the weights, each alone on a toy; SortaGrad; "
        "buckets and their padding; larger minibatches",
        "training, SortaGrad",
        75,
    ),
    Chapter(
        "07_network",
        "The whole network",
        "the assembled network: checked, overfitted, trained on recordings, and its report read",
        "model architecture",
        60,
    ),
    Chapter(
        "08_augmentation",
        "More data from the same data",
        "noise at a ratio, speed, stretch and pitch by a phase vocoder, other mouths, rooms; what "
        "they gain, and what another synthesiser does",
        "data augmentation",
        85,
    ),
    Chapter(
        "09_decoding",
        "Decoding with language models",
        "prefix beam search, n-grams with Kneser-Ney, both together; what a language model mends "
        "and breaks",
        "decoding with a language model",
        90,
    ),
    Chapter(
        "10_what_it_learned",
        "What did it learn?",
        "pictures of filters and of where the network looks, and probes of what its states know, "
        "each beside a network that has learned nothing",
        "beyond the paper",
        60,
    ),
    Chapter(
        "11_fast",
        "Making it fast",
        "a profile, the machine's roofline, six ideas measured, and a loop that you make fast",
        "system optimisations",
        60,
    ),
    Chapter(
        "12_gpu",
        "On the GPU",
        "the same code on CuPy; CUDA kernels, read and written: the CTC recursion, a recurrence on "
        "chip",
        "the GPU implementation of CTC",
        90,
    ),
    Chapter(
        "13_many_gpus",
        "Many GPUs",
        "all-reduce by hand, naive, by tree and by ring; the real engine; a model of scaling",
        "scalability and data parallelism",
        75,
    ),
    Chapter(
        "14_mandarin_and_bigrams",
        "Mandarin and bigrams",
        "output symbols: pairs of letters, thousands of characters, the CTC loss for them, and "
        "tones heard and seen",
        "adaptation to Mandarin, bigrams",
        70,
    ),
    Chapter(
        "15_building_a_corpus",
        "Building a corpus",
        "the best path of a long text through an hour of sound, cuts in its pauses, and a "
        "classifier that finds what is wrong",
        "data: alignment, segmentation, filtering",
        70,
    ),
    Chapter(
        "16_streaming_and_serving",
        "Streaming and serving",
        "pieces of sound that give what the whole gives; the queue of Batch Dispatch, latency "
        "under load, and weights of 16 bits",
        "row convolution, deployment",
        75,
    ),
    Chapter(
        "18_a_word_nobody_said",
        "A word nobody said",
        "the gradient from a text back to the samples, and with it a sound that the network hears "
        "as another word",
        "beyond the paper",
        50,
    ),
)


def find_exercise(number):
    """Return the exercise with a number such as "05.2", or None."""
    for chapter in CHAPTERS:
        if number.startswith(chapter.number):
            return next((e for e in chapter.exercises if e.number == number), None)
    return None
