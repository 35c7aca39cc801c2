"""Word and character error rates of transcripts, and the edits behind them.

A rate is the edits of all utterances divided by the words (or characters) of all references, not a
mean over utterances. Chapter 00 computes it by hand.

Words are separated by white space of any kind and length; as a character it counts as one space.
Apart from that, texts are compared as they are: `Alphabet.normalise` composes accents.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from ds2np.text.words import space_words, split_words, stands_alone


@dataclass(frozen=True)
class Edits:
    """Numbers of edits between references and hypotheses, in words or characters.

    The length is that of all references.
    """

    substitutions: int
    insertions: int
    deletions: int
    length: int

    @property
    def total(self):
        """Number of all edits."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self):
        """WER or CER: all edits divided by the length of the references; can exceed 1."""
        return self.share(self.total)

    def share(self, count):
        """Divide a number of edits by the length of the references.

        If that is 0, the share is 0 for no edits and infinite otherwise, where jiwer returns the
        number of edits.
        """
        if self.length == 0:
            return 0.0 if count == 0 else float("inf")
        return count / self.length


def align_words(refs, hyps):
    """Align the words of references and hypotheses with the fewest edits.

    Several alignments may be equally good, such as two substitutions or an insertion and a
    deletion. All give the same rates; jiwer chooses one.

    Parameters
    ----------
    refs, hyps : iterable of str
        Equally many texts.

    Returns
    -------
    list of list of tuple
        For each utterance, pairs (reference word, hypothesis word) in order; None stands for a word
        that is missing on one side.

    Raises
    ------
    ValueError
        If there are more texts on one side, or something is no text; a string alone is refused, as
        it would be taken for a list of its characters.
    """
    import jiwer

    return _align(refs, hyps, jiwer.process_words)


def align_characters(refs, hyps):
    """Align characters as `align_words` aligns words; white space is one character, a space."""
    import jiwer

    return _align(refs, hyps, jiwer.process_characters)


def align_units(refs, hyps):
    """Align texts of a script without spaces, in characters; see `align_words`.

    Beside Chinese characters, a run of letters or digits is one; see `ds2np.text.words`.
    """
    if not any(map(stands_alone, "".join(refs))):
        return align_characters(refs, hyps)
    return align_words(*([" ".join(split_words(text)) for text in texts] for texts in (refs, hyps)))


def _read_texts(texts, one, many):
    """Return the texts of an iterable as a list, with single spaces between their words."""
    if isinstance(texts, str | bytes | set | dict) or not isinstance(texts, Iterable):
        raise ValueError(f"expected a list of {many}, got {type(texts).__name__}")
    texts = list(texts)
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise ValueError(f"{one} {number} is {text!r}, expected a text")
    return [" ".join(text.split()) for text in texts]


def _align(refs, hyps, process):
    refs = _read_texts(refs, "reference", "references")
    hyps = _read_texts(hyps, "hypothesis", "hypotheses")
    if len(refs) != len(hyps):
        raise ValueError(
            f"got {len(refs)} references and {len(hyps)} hypotheses; expected equal numbers"
        )
    if not refs:
        return []
    result = process(refs, hyps)
    return [
        [
            pair
            for chunk in chunks
            for pair in zip_longest(
                ref[chunk.ref_start_idx : chunk.ref_end_idx],
                hyp[chunk.hyp_start_idx : chunk.hyp_end_idx],
            )
        ]
        for ref, hyp, chunks in zip(
            result.references, result.hypotheses, result.alignments, strict=True
        )
    ]


def count_mistakes(alignments):
    """Count each confusion, deletion and insertion in alignments of `align_words`.

    Returns
    -------
    confused : Counter of (str, str)
        Of pairs (reference, hypothesis).
    missed, inserted : Counter of str
    """
    differing = Counter(
        (ref, hyp) for alignment in alignments for ref, hyp in alignment if ref != hyp
    )
    confused = Counter({pair: count for pair, count in differing.items() if None not in pair})
    missed = Counter({ref: count for (ref, hyp), count in differing.items() if hyp is None})
    inserted = Counter({hyp: count for (ref, hyp), count in differing.items() if ref is None})
    return confused, missed, inserted


def count_edits(alignments):
    """Count the `Edits` of all utterances in alignments of `align_words`."""
    confused, missed, inserted = (counter.total() for counter in count_mistakes(alignments))
    length = sum(map(len, alignments)) - inserted
    return Edits(substitutions=confused, insertions=inserted, deletions=missed, length=length)


def mark_differences(alignment):
    """Format the alignment of one utterance: ``the [cat -> bat] [- has] sat [+ down]``."""
    spaces = space_words(hyp if ref is None else ref for ref, hyp in alignment)
    return "".join(space + _mark(*pair) for space, pair in zip(spaces, alignment, strict=True))


def _mark(ref, hyp):
    if ref == hyp:
        return ref
    if hyp is None:
        return f"[- {ref}]"
    return f"[+ {hyp}]" if ref is None else f"[{ref} -> {hyp}]"


def wer(refs, hyps):
    """Compute the word error rate of hypotheses against references, both iterables of str.

    It is (substitutions + deletions + insertions) / words of all references: 0.1 is 10 %. It can
    exceed 1. If all references are empty, it is infinite, or 0 if the hypotheses are empty, too.
    Raises a ValueError as `align_words` does.
    """
    return count_edits(align_words(refs, hyps)).rate


def cer(refs, hyps):
    """Compute the character error rate, like `wer`; see `align_characters`."""
    return count_edits(align_characters(refs, hyps)).rate
