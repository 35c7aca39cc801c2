"""How wrong are transcripts? Edits of words and characters, their rates, and which words they hit.

There is one definition: a rate is the edits of all utterances divided by the words (or characters)
of all references, not a mean over utterances.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest


@dataclass(frozen=True)
class Edits:
    """The edits between references and hypotheses, of words or of characters.

    Attributes
    ----------
    substitutions, insertions, deletions : int
        Taken for another, added, and left out by the hypotheses.
    length : int
        Words (or characters) of all references.
    """

    substitutions: int
    insertions: int
    deletions: int
    length: int

    @property
    def total(self):
        """All edits."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def rate(self):
        """All edits as a share of the references: WER or CER; it can exceed 1."""
        return self.share(self.total)

    def share(self, count):
        """Divide a number of edits by the length of the references.

        Where nothing was said, no edits are 0 and any others infinite.
        """
        if self.length == 0:
            return 0.0 if count == 0 else float("inf")
        return count / self.length


def align_words(refs, hyps):
    """Pair the words of references with those of hypotheses so that the fewest edits are left.

    Several pairings may be as good, such as two substitutions for an insertion and a deletion; the
    rates are the same with each of them, and jiwer chooses.

    Parameters
    ----------
    refs, hyps : sequence of str
        What was said, and what was recognised.

    Returns
    -------
    list of list of tuple
        For each utterance, pairs (said, recognised) in order; None stands opposite a word that only
        one side has.
    """
    import jiwer

    return _align(refs, hyps, jiwer.process_words)


def align_characters(refs, hyps):
    """Pair characters as `align_words` pairs words; a space is a character."""
    import jiwer

    return _align(refs, hyps, jiwer.process_characters)


def _align(refs, hyps, process):
    if len(refs) != len(hyps):
        raise ValueError(f"{len(refs)} references and {len(hyps)} hypotheses; needed are as many")
    if not refs:
        return []
    result = process(list(refs), list(hyps))
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
    """Count what was taken for what, what was missed, and what was inserted.

    Parameters
    ----------
    alignments : list of list of tuple
        From `align_words` or `align_characters`.

    Returns
    -------
    confused : Counter of (str, str)
        Said, and recognised in its place.
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
    """Count the edits of all utterances.

    Parameters
    ----------
    alignments : list of list of tuple
        From `align_words` or `align_characters`.

    Returns
    -------
    Edits
    """
    confused, missed, inserted = (counter.total() for counter in count_mistakes(alignments))
    length = sum(map(len, alignments)) - inserted
    return Edits(substitutions=confused, insertions=inserted, deletions=missed, length=length)


def mark_differences(alignment):
    """Write one utterance with its mistakes: ``the [cat -> bat] [- has] sat [+ down]``.

    Parameters
    ----------
    alignment : list of tuple
        One of those that `align_words` returns.

    Returns
    -------
    str
    """
    return " ".join(_mark(*pair) for pair in alignment)


def _mark(ref, hyp):
    if ref == hyp:
        return ref
    if hyp is None:
        return f"[- {ref}]"
    return f"[+ {hyp}]" if ref is None else f"[{ref} -> {hyp}]"


def wer(refs, hyps):
    """Compute the word error rate.

    Parameters
    ----------
    refs, hyps : sequence of str
        What was said, and what was recognised.

    Returns
    -------
    float
        (Substitutions + deletions + insertions) / words of all references: 0.1 is 10 %. It can
        exceed 1.
    """
    return count_edits(align_words(refs, hyps)).rate


def cer(refs, hyps):
    """Compute the character error rate; a space counts as a character.

    Parameters
    ----------
    refs, hyps : sequence of str

    Returns
    -------
    float
        Edits / characters of all references.
    """
    return count_edits(align_characters(refs, hyps)).rate
