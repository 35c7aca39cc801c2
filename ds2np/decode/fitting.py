"""Whether a language model and a network fit together: alphabet, case and spaces."""

import sys

from ds2np.errors import UserError

EXAMPLES = 3
SHARE = 0.5  # of words that cannot be written, from which a model does not fit
SPACES = 0.02  # of a model of characters for an alphabet without spaces, from which they matter


def share_unwritable(lm, alphabet):
    """Return the share (0 to 1) of the words of a model that an alphabet cannot write, and them."""
    known = set(alphabet.symbols)
    words = [word for word in lm.words[3:] if word != lm.space]
    lost = [word for word in words if not set(alphabet.cut(word)) <= known]
    return (len(lost) / len(words) if words else 0.0), lost


def describe_mismatch(lm, alphabet, most=SHARE):
    """Say in one sentence what does not match between a language model and an alphabet, or "".

    It is wrong to use them together then: hardly a word of the model could be recognised.

    Parameters
    ----------
    lm : NGram
    alphabet : Alphabet
    most : float
        Share of the words of the model that the alphabet may lack the symbols of.
    """
    words = [word for word in lm.words[3:] if word != lm.space]
    if not words:
        return f"{lm.name} has no words"
    share, lost = share_unwritable(lm, alphabet)
    examples = ", ".join(repr(word) for word in lost[:EXAMPLES])
    symbols = set("".join(alphabet.symbols))
    spaces = any(map(alphabet.separates, range(1, len(alphabet))))
    single = sum(len(alphabet.cut(word)) == 1 for word in words) / len(words)
    if share > most:
        for change, case in ((str.lower, "upper case"), (str.upper, "lower case")):
            if sum(set(change(word)) <= symbols for word in lost) > 0.5 * len(lost):
                return (
                    f"the {lm.units} of {lm.name} are in {case} ({examples}), but {alphabet} is not"
                )
        return (
            f"{alphabet} cannot write {100 * share:.0f} % of the {lm.units} of {lm.name}, such as "
            f"{examples}"
        )
    if lm.units == "words" and not spaces and single < 0.9:
        return (
            f"{lm.name} counts words, such as {words[0]!r}, but the alphabet has no space between "
            "words; train one of characters"
        )
    if lm.units == "words" and spaces and single > 0.9 and len(words) > EXAMPLES:
        return (
            f"the words of {lm.name} are single characters, but the alphabet separates words by "
            "spaces; train the model on words, or mark it as one of characters"
        )
    return ""


def check_fit(lm, alphabet, most=SHARE):
    """Raise a UserError if `describe_mismatch` finds something."""
    sentence = describe_mismatch(lm, alphabet, most)
    if sentence:
        raise UserError(sentence)


def tell_fit(lm, alphabet):
    """Print which words of a language model an alphabet cannot write, and spaces that it lacks.

    Raises a UserError if these are most of them, or if case or spaces do not match.
    """
    check_fit(lm, alphabet)
    share, lost = share_unwritable(lm, alphabet)
    if lost:
        examples = ", ".join(map(repr, lost[:EXAMPLES]))
        print(
            f"warning: the alphabet cannot write {100 * share:.2g} % of the {lm.units} of "
            f"{lm.name}, such as {examples}; they are never recognised",
            file=sys.stderr,
        )
    spaces = _share_of_spaces(lm)
    if spaces > SPACES and not any(map(str.isspace, alphabet.symbols)):
        print(
            f"warning: {lm.name} has read {100 * spaces:.0f} % spaces, but the alphabet has none; "
            "train it on text without them, which data_scripts/lm_text.py writes",
            file=sys.stderr,
        )


def _share_of_spaces(lm):
    """Return the probability of a space in a language model of characters; 0 in one of words."""
    number = lm.numbers.get(lm.space) if lm.units == "characters" else None
    return 0.0 if number is None else float(10 ** lm.tables.logp[1 + number])
