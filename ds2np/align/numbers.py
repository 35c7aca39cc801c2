"""Numbers as words: a network writes what it hears, "eighteen forty six", a book has 1846.

The library num2words has the words; what a number means, the text around it tells. In English:

    1,446; 1066; 2001      a cardinal number; but from 1100 to 1999 without a comma, a year:
    1846; 1905; 1840s      eighteen forty six; nineteen oh five; eighteen forties
    007; over 15 digits    digit by digit
    3.14                   three point one four
    3rd                    third
    1/2; 3/4; 2/5; 2½      one half; three quarters; two fifths; two and a half
    $5; £5.50; $2 million  five dollars; five pounds fifty pence; two million dollars
    5%; 20°; -5            five percent; twenty degrees; minus five
    10:30; 10:00; 10:05    ten thirty; ten o'clock; ten oh five
    5-7; 1914-1918         five to seven; nineteen fourteen to nineteen eighteen
    No. 7; NO. 7; #7       number seven; but no. 7 is read as it is written
    B12; 5-year-old        b twelve; five year old
    &; &c.                 and; et cetera
    CHAPTER IV; Act ii     four; two: up to 399, after the words of `HEADINGS`. After such a word in
                           lower case, "I" is the pronoun: "the part I played"
    XII; IV. The Storm     twelve; four: alone in a paragraph of one line, or at its beginning with
                           a full stop, colon or bracket after it. C and L alone are letters

Mandarin: `ds2np.align.mandarin`; other languages: `ds2np.align.numerals`.
"""

import re

from num2words import CONVERTER_CLASSES

from ds2np.align.mandarin import MandarinNumbers
from ds2np.align.numerals import APOSTROPHES, DIGITS, MONEY, Numbers, bare, convert
from ds2np.errors import UserError

MANDARIN = "zh"
HEADINGS = {"chapter", "book", "part", "volume", "act", "scene", "section"}
NUMBERED = {"No": "number", "NO": "number", "Nos": "numbers", "NOS": "numbers"}
SCALES = {"hundred", "thousand", "million", "billion", "trillion"}
NAMES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "%": ("percent", "percent"),
    "°": ("degree", "degrees"),
    "№": ("number", "number"),
    "&": ("and", "and"),
}
VULGAR = {"½": "a half", "¼": "a quarter", "¾": "three quarters"}

_CONTEXT = re.compile(rf"[IVXLC]+|[ivxlc]+|&c|{'|'.join([*NUMBERED, *SCALES])}")
_ROMAN = re.compile(r"(C{0,3})(XC|XL|L?X{0,3})(IX|IV|V?I{0,3})")
_TITLE_FOLLOWS = re.compile(r"[.:)\]].*|[-\u2013\u2014]+")


def make_numbers(language):
    """Return the `Numbers` of a language: a code of num2words, or "zh" for Mandarin.

    Raises
    ------
    UserError
        If there is no such language.
    """
    if language == MANDARIN:
        return MandarinNumbers(language)
    if language not in CONVERTER_CLASSES:
        choices = ", ".join(sorted({*CONVERTER_CLASSES, MANDARIN}))
        raise UserError(f"there are no numbers of the language {language!r}; choose of {choices}")
    return (EnglishNumbers if language.startswith("en") else Numbers)(language)


def read_roman(text):
    """Return the value of a Roman numeral up to 399, in one case; 0 if it is none."""
    found = _ROMAN.fullmatch(text.upper())
    if not found or not (text.isupper() or text.islower()) or text in tuple("CLcl"):
        return 0
    hundreds, tens, ones = found.groups()
    return 100 * len(hundreds) + 10 * _read_digit(tens, *"XLC") + _read_digit(ones, *"IVX")


def _read_digit(text, one, five, ten):
    nine_or_four = {one + ten: 9, one + five: 4}
    return nine_or_four.get(text, 5 * text.count(five) + text.count(one))


class EnglishNumbers(Numbers):
    """Spells the numbers of English by the rules above."""

    suffix = rf"(?i:st|nd|rd|th)|[{APOSTROPHES}]?s"
    between = "to"

    def concern(self, piece):
        """Return whether `spell` may have words for a token, with some tokens beside it."""
        return super().concern(piece) or _CONTEXT.fullmatch(bare(piece)) is not None

    def _in_context(self, piece, before, after, heading):
        core = bare(piece)
        last, following = bare(before), bare(after)
        if core in NUMBERED and piece.endswith(".") and following[:1].isdigit():
            return NUMBERED[core]
        if core[:1] in MONEY and core[1:2].isdigit() and following in SCALES:
            return self.spell(core[1:])
        if core in SCALES and last[:1] in MONEY and last[1:2].isdigit():
            return f"{core} {NAMES[last[0]][1]}"
        if core == "&c":
            return "et cetera"
        value = read_roman(core)
        if not value:
            return None
        rest = piece.partition(core)[2]
        if last.lower() in HEADINGS and (core.upper() != "I" or rest or not last.islower()):
            return self.cardinal(value)
        if heading and not before and core.isupper() and piece.startswith(core):
            follows = _TITLE_FOLLOWS.fullmatch(rest)
            if not after or (follows and (len(core) > 1 or rest[0] in ".:)]")):
                return self.cardinal(value)
        return None

    def sign(self, sign):
        """Spell a sign that stands without a number."""
        return NAMES[sign][1] if sign in NAMES else ""

    def number(self, part):
        """Spell a number with its signs."""
        whole, decimals, vulgar, suffix = part.group("whole", "decimals", "vulgar", "suffix")
        sign = part["money"] or part["unit"]
        words = "minus " if part["minus"] else "number " if part["mark"] else ""
        if part["money"] and whole and decimals and len(decimals) == 2:
            return words + self._money(whole, decimals, NAMES[sign])
        if decimals:
            before = [self.whole(whole, may_be_year=False)] if whole else []
            amount = self._join([*before, "point", self.one_by_one(decimals)])
        elif vulgar:
            before = [self.whole(whole, may_be_year=False), "and"] if whole else []
            amount = self._join([*before, VULGAR[vulgar]])
        elif suffix and suffix[-1] != "s":
            amount = self._ordinal(whole)
        else:
            amount = self.whole(whole, may_be_year=not sign)
            amount = _pluralise(amount) if suffix else amount
        return words + (f"{amount} {_name(amount, *NAMES[sign][:2])}" if sign else amount)

    def _ordinal(self, text):
        digits = re.sub(r"\D", "", text)
        return convert(int(digits), self.language, "ordinal") if len(digits) <= DIGITS else ""

    def _money(self, whole, decimals, names):
        """Spell five dollars fifty cents, without what is zero."""
        major, minor = self.whole(whole, may_be_year=False), self.cardinal(int(decimals))
        amounts = (major, names[:2]), (minor, names[2:])
        spoken = [f"{words} {_name(words, *pair)}" for words, pair in amounts if words != "zero"]
        return self._join(spoken) or f"zero {names[1]}"

    def time(self, part):
        """Spell a time of day."""
        hour, minute = part[0].split(":")
        hour, minute = self.cardinal(int(hour)), int(minute)
        if not minute:
            return f"{hour} o'clock"
        return self._join([hour, "oh" if minute < 10 else "", self.cardinal(minute)])

    def fraction(self, part):
        """Spell a fraction."""
        above, below = part[0].split("/")
        count, name = self.whole(above, may_be_year=False), {"2": "half", "4": "quarter"}.get(below)
        if len(below) > DIGITS or int(below) < 2:
            return f"{count} over {self.whole(below)}"
        if count == "one":
            return f"one {name or self._ordinal(below)}"
        return f"{count} {'halve' if below == '2' else name or self._ordinal(below)}s"


def _name(words, one, several):
    return one if words == "one" else several


def _pluralise(words):
    """Return forties, nineteen hundreds, sixes."""
    if words.endswith("y"):
        return f"{words[:-1]}ies"
    return f"{words}{'es' if words.endswith('x') else 's'}"
