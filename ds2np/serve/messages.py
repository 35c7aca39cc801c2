"""What the dispatcher answers."""

from dataclasses import dataclass


class Overloaded(Exception):
    """Too much waits, or the server ends: the work is refused, and can be sent again later."""


@dataclass(frozen=True)
class Heard:
    """What a stream has heard since the last answer.

    Attributes
    ----------
    transcripts : tuple of Transcript
        Utterances that have ended.
    text : str
        The present one so far.
    frames : tuple of ndarray of shape (T, V)
        Log-probabilities, if the stream wants them.
    """

    transcripts: tuple
    text: str
    frames: tuple = ()
