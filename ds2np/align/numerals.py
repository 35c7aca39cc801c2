"""Numbers in a token of text, and their words in the languages of num2words.

A token is scanned for numbers, times, fractions, letters and signs; each is spelled by a method, so
that a language of its own overrides what it says otherwise. Here, whole numbers and decimals are
spelled, and in some languages the years from 1100 to 1999. There are no words for the signs.
"""

import functools
import re

from num2words import num2words

DIGITS = 15  # of the longest number that is no row of digits
YEARS = range(1100, 2000)
MINUS, DASHES = "\u2212-", "\u2010\u2011\u2012\u2013\u2014-"
APOSTROPHES = "'\u2019"
MONEY, UNITS, MARKS, VULGAR = "$£€¥", "%°", "#№", "½¼¾"
SIGNS = f"{MONEY}{UNITS}&№"  # spoken without a number, too
# Languages whose years have words of their own.
OWN_YEARS = {"da", "de", "en", "nl", "no", "sl"}
# A point before decimals and a comma in thousands; others have it the other way round.
POINT = {"am", "bn", "cy", "en", "fa", "he", "ja", "kn", "ko", "te", "th", "zh"}

_BEGIN = re.compile(rf"[{MARKS}{MINUS}]?[{MONEY}]?[.,]?\d|[^\W_]|[{SIGNS}]")
_END = re.compile(rf".*(?:[^\W_]|[{SIGNS}])")
_CONCERNED = re.compile(rf"[\d{SIGNS}{VULGAR}]")


def bare(piece):
    """Take the punctuation off both ends of a token, but no signs that are spoken."""
    begin, end = _BEGIN.search(piece), _END.match(piece)
    return piece[begin.start() : end.end()] if begin else ""


@functools.lru_cache(maxsize=1 << 16)
def convert(number, language, kind="cardinal"):
    """Return what num2words makes of a number, without hyphens and commas; "" if it fails."""
    try:
        words = num2words(number, lang=language, to=kind)
    except Exception:  # each of its languages fails in its own way at what it lacks
        return ""
    return " ".join(words.replace("-", " ").replace(",", " ").lower().split())


class Numbers:
    """Spells the numbers of a language.

    Parameters
    ----------
    language : str
        A code of num2words, such as "de" or "pt_BR".
    """

    suffix = "(?!)"  # a pattern: what may follow a whole number, such as "th"
    between = ""  # the ends of a range

    def __init__(self, language):
        self.language = language
        base = language.partition("_")[0]
        self._own_years = base in OWN_YEARS
        point, group = (r"\.", ",") if base in POINT else (",", r"[.'\u2019]")
        self._parts = re.compile(
            rf"""
            (?P<time>(?<![\d:])\d\d?:\d\d(?![\d:]))
            |(?P<fraction>(?<![\d/])\d+/\d+(?![\d/]))
            |(?P<number>
                (?P<mark>[{MARKS}])?(?P<minus>(?<![\w{UNITS}{MINUS}])[{MINUS}])?(?P<money>[{MONEY}])?
                (?={point}?\d|[{VULGAR}])
                (?P<whole>\d{{1,3}}(?:{group}\d{{3}})+(?!\d)|\d+)?(?:{point}(?P<decimals>\d+))?
                (?P<vulgar>[{VULGAR}])?
                (?:(?P<suffix>{self.suffix})(?!\w)|(?P<unit>[{MONEY}{UNITS}]))?)
            |(?P<letters>[^\W\d_{VULGAR}]+(?:[{APOSTROPHES}][^\W\d_{VULGAR}]+)*)
            |(?P<dash>[{DASHES}]+)|(?P<sign>.)
            """,
            re.VERBOSE,
        )

    def concern(self, piece):
        """Return whether `spell` may have words for a token, with some tokens beside it."""
        return _CONCERNED.search(piece) is not None

    def spell(self, piece, before="", after="", heading=False):
        """Spell a token.

        Parameters
        ----------
        piece : str
            Without white space.
        before, after : str
            The tokens beside it in its paragraph, "" at the ends.
        heading : bool
            Whether the paragraph is a single line.

        Returns
        -------
        str or None
            Words in lower case, without hyphens and commas. None if there is nothing to spell, ""
            if the language has no words for it.
        """
        words = self._in_context(piece, before, after, heading)
        if words is not None or not _CONCERNED.search(piece):
            return words
        parts = list(self._parts.finditer(bare(piece)))
        words = [self._spell_part(part) for part in parts]
        if None in words:
            return ""
        if [part.lastgroup for part in parts] == ["number", "dash", "number"]:
            words[1] = self.between
        return self._join(words).lower()

    def _join(self, words):
        return " ".join(" ".join(words).split())

    def _in_context(self, piece, before, after, heading):
        """Return the words of a token that other tokens decide; None if there are none."""

    def _spell_part(self, part):
        """Return the words of a part of a token, "" if it is not spoken; None if they are missing.

        part: a match of the pattern.
        """
        if part.lastgroup == "letters":
            return part[0]
        if part.lastgroup == "dash":
            return ""
        if part.lastgroup == "sign":
            return self.sign(part[0])
        return getattr(self, part.lastgroup)(part) or None

    def sign(self, sign):
        """Spell a sign that stands without a number."""
        return None if sign in SIGNS else ""

    def cardinal(self, number):
        """Spell a whole number, an int."""
        return convert(number, self.language)

    def one_by_one(self, digits):
        """Spell a row of digits."""
        words = [self.cardinal(int(digit)) for digit in digits]
        return self._join(words) if all(words) else ""

    def whole(self, text, may_be_year=True):
        """Spell a whole number, a str that may have signs between thousands."""
        digits = re.sub(r"\D", "", text)
        if len(digits) > DIGITS or (digits[0] == "0" and len(digits) > 1):
            return self.one_by_one(digits)
        if may_be_year and self._own_years and digits == text and int(digits) in YEARS:
            return convert(int(digits), self.language, "year")
        return self.cardinal(int(digits))

    def number(self, part):
        """Spell a number; here, one without signs."""
        mark, minus, money, vulgar, unit = part.group("mark", "minus", "money", "vulgar", "unit")
        if mark or minus or money or vulgar or unit:
            return ""
        if not part["decimals"]:
            return self.whole(part["whole"])
        whole = re.sub(r"\D", "", part["whole"] or "0")
        if len(whole + part["decimals"]) > DIGITS:
            return ""
        return convert(float(f"{whole}.{part['decimals']}"), self.language)

    def time(self, part):
        """Spell a time of day; here, as two numbers."""
        words = [self.cardinal(int(number)) for number in part[0].split(":")]
        return self._join(words) if all(words) else ""

    def fraction(self, part):
        """Spell a fraction; here, not."""
        return ""
