"""What a corpus of synthetic speech needs to know of a language."""

from collections.abc import Callable
from dataclasses import dataclass

from ds2np.synthesis import sentences, sentences_zh


@dataclass(frozen=True)
class Language:
    """A grammar, and how its sentences are spoken.

    Attributes
    ----------
    draw : callable
        Draws a sentence with a numpy.random.Generator.
    split : callable
        Splits a sentence into what a test must not have without training: words, or characters.
    accents : tuple of str
        Voices of espeak-ng; each speaker variant is spoken in all of them.
    candidates : int
        For every third sentence of the training set so many are drawn, and the one with the rarest
        word (or character) is taken.
    pitch_range : int
        How far the pitch moves, 0 to 99; 50 is a voice's own.
    train, test : int
        Sentences of the demo's corpus.
    """

    draw: Callable
    split: Callable
    accents: tuple
    candidates: int = 1
    pitch_range: int = 50
    train: int = 1500
    test: int = 200


LANGUAGES = {
    # "en" is espeak's British accent; the others are from America, southern Britain, Scotland,
    # north-west Britain, and the Caribbean.
    "en": Language(
        sentences.draw_sentence,
        str.split,
        ("en", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-029"),
    ),
    # By default the tones of espeak's Mandarin move by 0.3 octaves, with 75 by 0.5; from 100 on,
    # the library crashes now and then.
    "zh": Language(
        sentences_zh.draw_sentence, list, ("cmn",), candidates=16, pitch_range=75, train=3000
    ),
}
