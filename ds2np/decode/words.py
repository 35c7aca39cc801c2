"""What a decoder returns: hypotheses, and their words with times."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A recognised word.

    Attributes
    ----------
    text : str
    start, end : float
        In seconds, from the first frame of its first symbol to the end of the last frame of its
        last one. CTC does not ask for a symbol at the moment when it is spoken, and many are
        written in a single frame: take the times for where to look, not for exact limits.
    confidence : float
        0 to 1: the probability of each symbol in its best frame, averaged over the symbols. It is
        not the probability that the word is right: symbols that are missing do not count, and a
        network can be confident of a mistake.
    """

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Hypothesis:
    """One reading of an utterance; scores are natural logarithms.

    Attributes
    ----------
    text : str
    score : float
        What hypotheses are ranked by.
    acoustic, lm : float
        The parts that the network and a language model have in it.
    words : tuple of Word
    """

    text: str
    score: float
    acoustic: float
    lm: float
    words: tuple
