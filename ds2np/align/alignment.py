"""A text aligned with its recording: when each word and each sentence was read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AlignedWord:
    """A word of the text.

    Attributes
    ----------
    text : str
        As written.
    spoken : str
        As the network writes it: several words where a number is read out, for example.
    sentence, line : int
        Where it stands.
    start, end : float or None
        Seconds; None if it was not read.
    confidence : float
        From 0 to 1; 0 if it was not read.
    """

    text: str
    spoken: str
    sentence: int
    line: int
    start: float | None
    end: float | None
    confidence: float


@dataclass(frozen=True)
class AlignedSentence:
    """A sentence of the text.

    Attributes
    ----------
    text : str
        As written.
    first, last : int
        Its words, the last one exclusive.
    start, end : float or None
        Seconds; None if no word of it was read.
    score : float or None
        Mean over its frames of the log-probability of the path less that of the best symbol; 0 is
        perfect.
    complete : bool
        Whether all of its words were read.
    """

    text: str
    first: int
    last: int
    start: float | None
    end: float | None
    score: float | None
    complete: bool


@dataclass(frozen=True)
class Alignment:
    """The alignment of a recording and a text.

    Attributes
    ----------
    recording : str
        Name of its file.
    duration : float
        Seconds.
    words : tuple of AlignedWord
    sentences : tuple of AlignedSentence
    foreign : tuple of (float, float)
        Start and end, in seconds, of sound that has no text.
    unread : tuple of (int, int)
        Words that were not read, the last one exclusive.
    score : float
        Of the best path.
    exact : bool
        Whether it is certain that no path is better.
    """

    recording: str
    duration: float
    words: tuple
    sentences: tuple
    foreign: tuple
    unread: tuple
    score: float
    exact: bool
