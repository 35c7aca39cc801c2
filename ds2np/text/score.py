"""Word and character error rate: edits over all utterances, divided by the reference's length."""


def _rate(refs, hyps, count):
    """Divide the edits of all pairs by the units of all references."""
    if len(refs) != len(hyps):
        raise ValueError(f"{len(refs)} references and {len(hyps)} hypotheses; needed are as many")
    result = count(list(refs), list(hyps))
    edits = result.substitutions + result.deletions + result.insertions
    units = result.hits + result.substitutions + result.deletions
    if units == 0:
        return 0.0 if edits == 0 else float("inf")
    return edits / units


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
    import jiwer

    return _rate(refs, hyps, jiwer.process_words)


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
    import jiwer

    return _rate(refs, hyps, jiwer.process_characters)
