"""Where sentences end in a text.

A blank line always ends a sentence. Within a paragraph, lines are joined, and a sentence ends at a
full stop, exclamation mark, question mark or ellipsis, with closing quotation marks and brackets
after it, if white space follows; in a script without spaces, nothing needs to follow, but for the
Roman full stop. No sentence ends after

* abbreviations such as Mr. and Dr., and initials, J. S. Bach; but "I" is the pronoun: So did I.
* No., vol., p. and the like before a number
* a number that begins the sentence: 1. Wash the rice.

Where these signs are rare, fewer than one in 50 words, each line is a sentence, as in transcripts.
"""

import re

WORDS_A_SIGN = 50
TITLES = "mr|mrs|ms|dr|st|prof|rev|hon|capt|col|gen|lt|sgt|sr|jr|messrs|mme|mlle"

_CLOSING = r"""[\"'\u2019\u201d\u00bb)\]}_*\u300d\u300f\u300b\u3009\u3011\uff09\uff02]*"""
_END = re.compile(rf"[.!?\u2026\u3002\uff01\uff1f]{_CLOSING}$")
_END_WITHIN = re.compile(rf"[!?\u2026\u3002\uff01\uff1f]{_CLOSING}$")
_ABBREVIATED = re.compile(r"\W*(\w+(?:\.\w+)*)\.")
_SHORT = re.compile(rf"(?i:{TITLES}|mt|vs|viz|cf|e\.g|i\.e)")
_BEFORE_NUMBERS = re.compile(r"(?i:nos?|vols?|pp?|ch|chap|fig|sec|art|op)")
_INITIALS = re.compile(r"(?!I$)[^\W\d_](?:\.[^\W\d_])*")
_NUMBER = re.compile(r"\d+|[IVXLC]+")


def ends_sentence(text, following, is_first=False, before_space=True):
    """Return whether a sentence ends after a word.

    Parameters
    ----------
    text : str
        The word, with its punctuation.
    following : str
        The word after it in the paragraph, "" if it is the last one.
    is_first : bool
        Whether the word begins its sentence.
    before_space : bool
        Whether white space follows; otherwise the script has none.
    """
    if not before_space:
        return _END_WITHIN.search(text) is not None
    if not _END.search(text):
        return False
    abbreviated = _ABBREVIATED.fullmatch(text.strip("_*"))
    if not abbreviated:
        return True
    word = abbreviated[1]
    if _SHORT.fullmatch(word) or _INITIALS.fullmatch(word):
        return False
    if _BEFORE_NUMBERS.fullmatch(word) and _NUMBER.match(following):
        return False
    return not (is_first and _NUMBER.fullmatch(word))
