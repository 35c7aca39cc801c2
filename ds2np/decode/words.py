"""Results: words with times, hypotheses of decoders, and transcripts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """A recognised word; in Mandarin a character, see `ds2np.text.words`.

    Attributes
    ----------
    text : str
    start, end : float
        In seconds, from the first frame of the first symbol to the end of the last frame of the
        last one. They are approximate: CTC does not train a network to emit a symbol at the moment
        it is spoken, and many symbols last a single frame. Two words that share a symbol of two
        characters have its times, both.
    confidence : float
        0 to 1: the probability of each symbol in its best frame, averaged over the symbols. It is
        not the probability that the word is correct: missing symbols do not count, and a network
        can be confident of a mistake.
    """

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Hypothesis:
    """Transcript of an utterance with its scores, in natural logarithms.

    Hypotheses are ranked by score; acoustic and lm are the parts of it from the network and from a
    language model.
    """

    text: str
    score: float
    acoustic: float
    lm: float
    words: tuple


@dataclass(frozen=True)
class Transcript:
    """The transcript of a recording.

    Attributes
    ----------
    words : tuple of Word
        Words with times in seconds, from the beginning of the recording.
    score : float
        Score of the best hypothesis.
    hypotheses : tuple of Hypothesis
        The texts that the decoder returns, best first; times from the beginning of the part.
    warnings : tuple of str
        Sentences that say why a recording is hardly intelligible; see
        `ds2np.audio.describe_suspect`.
    """

    text: str
    words: tuple
    score: float
    warnings: tuple = ()
    hypotheses: tuple = ()
