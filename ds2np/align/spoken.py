"""What is spoken of a token of written text, as an alphabet writes it, and by which rule.

Letters are changed by `ds2np.text.normalise.Normaliser`, numbers by `ds2np.align.numbers`. This
file cuts tokens at dashes, tells apostrophes from quotation marks, and names what was changed.
"""

import itertools
import re
import unicodedata

from ds2np.align.numbers import MANDARIN, make_numbers
from ds2np.text.normalise import Normaliser

RULES = {
    "case": "capitals that the alphabet lacks became small letters",
    "punctuation": "punctuation and quotation marks at the edge of a word are not spoken",
    "apostrophe": "typographic apostrophes became the one of the alphabet",
    "accent": "accents that the alphabet lacks were left out, others composed with their letter",
    "invisible": "invisible characters, such as soft hyphens, were left out",
    "hyphen": "a hyphen or dash within a word became a space",
    "sign": "another sign within a word became a space",
    "number": "numbers, Roman numerals and signs such as & and % were spelled out",
    "nothing": "nothing to speak: this is no word",
    "footnote": "the mark of a footnote was left out",
    "illustration": "Project Gutenberg's place of a picture was left out",
    "gutenberg": "Project Gutenberg's preface or licence was left out",
    "unwritable": "the alphabet cannot write it: it stays in the text, without anything spoken",
    "apart": "the alphabet has no space to write it apart from the word before: it stays in the "
    "text, without anything spoken",
}
# Of these, only how often they occur is worth reading.
SUMMARISED = ("case", "punctuation", "apostrophe")

LONG_DASHES = "\u2014\u2015"
DASHES = f"-\u2010\u2011\u2012\u2013{LONG_DASHES}"
APOSTROPHES = "'\u2019"
QUOTES = f"{APOSTROPHES}\u2018\u201b"
_BREAK = re.compile(rf"(?:--|[{LONG_DASHES}])[-{LONG_DASHES}]*")
FOOTNOTE = re.compile(r"\[(?:\d{1,3}|[*\u2020\u2021\u00a7])\]")
_ELISION = re.compile("(?i)(?:tis|twas|twere|twill|twould|em|til|till|bout|cause|gainst|tween)$")
_SHORTENED = re.compile("(?i)(?:s|in|^o|^th|^an|^wi|^mo|^ol)$")  # dogs', runnin', o', th'


class Speaker:
    """Says tokens: each different one once, but for numbers, which depend on their neighbours.

    Parameters
    ----------
    alphabet : Alphabet
        If it has digits, numbers are not spelled out.
    language : str, optional
        That of the numbers; see `make_numbers`. By default Mandarin if the alphabet is of a script
        without spaces, else English.
    """

    def __init__(self, alphabet, language=None):
        self._split = str.split if alphabet.has_spaces else alphabet.split
        numbers = make_numbers(language or ("en" if alphabet.has_spaces else MANDARIN))
        self._numbers = None if any(map(str.isdigit, alphabet.symbols)) else numbers
        self._symbols = set(alphabet.symbols)
        self._normaliser = Normaliser(alphabet.symbols)
        self._cut, self._said, self._concern = {}, {}, {}

    def cut(self, token):
        """Cut a token into pieces at dashes; without spaces also into the alphabet's words."""
        if token not in self._cut:
            self._cut[token] = [
                part for piece in self._split(token) for part in _cut_at_dashes(piece)
            ]
        return self._cut[token]

    def say(self, piece, before="", after="", heading=False):
        """Return what is spoken of a piece, and the rule that changed it, None if it is the same.

        before, after : str
            The pieces beside it.
        heading : bool
            Whether the paragraph is a single line.
        """
        if "[" in piece and (core := FOOTNOTE.sub("", piece)) != piece:
            spoken, rule = self.say(core, before, after, heading) if core else ("", None)
            return spoken, rule if rule == "unwritable" else "footnote"
        if self._numbers and self._concerns(piece):
            words = self._numbers.spell(piece, before, after, heading)
            if words is not None:
                spoken = self._normaliser.write(words)
                return (spoken, "number") if spoken else ("", "unwritable")
        if piece not in self._said:
            self._said[piece] = self._say_letters(piece)
        return self._said[piece]

    def _concerns(self, piece):
        if piece not in self._concern:
            self._concern[piece] = self._numbers.concern(piece)
        return self._concern[piece]

    def _say_letters(self, piece):
        visible = "".join(c for c in piece if unicodedata.category(c) != "Cf" or c in self._symbols)
        text = unicodedata.normalize("NFC", _unquote(visible.strip(DASHES)))
        spoken = self._normaliser.write(text)
        if spoken is None:
            return "", "unwritable"
        if not spoken:
            return "", "nothing"
        if spoken == piece:
            return spoken, None
        kinds = self._normaliser.find_changes(text)
        begin, end = _find_letters(text)
        signs = {c for c in text[begin:end] if kinds.get(c) == "sign"}
        if visible != piece:
            rule = "invisible"
        elif signs:
            rule = "hyphen" if signs <= set(DASHES) else "sign"
        elif "accent" in kinds.values() or unicodedata.normalize("NFC", piece) != piece:
            rule = "accent"
        elif "apostrophe" in kinds.values():
            rule = "apostrophe"
        else:
            edge = text != piece or "sign" in kinds.values()
            rule = "punctuation" if edge else "case"
        return spoken, rule


def _cut_at_dashes(text):
    """Cut a token after two hyphens or a long dash, but not within a range: 1914--1918."""
    if len(text) < 3:
        return [text]
    ends = [
        dash.end()
        for dash in _BREAK.finditer(text, 1)
        if dash.end() < len(text)
        and not (text[dash.start() - 1].isdigit() and text[dash.end()].isdigit())
    ]
    return [text[a:b] for a, b in itertools.pairwise([0, *ends, len(text)])]


def _find_letters(text):
    """Return where the first letter or digit is, and where the last one ends."""
    found = re.search(r"[^\W_](?:.*[^\W_])?", text, re.DOTALL)
    return found.span() if found else (0, len(text))


def _unquote(text):
    """Take single quotation marks off a word, but leave its apostrophes: 'tis, dogs', o'."""
    begin, end = _find_letters(text)
    left, word, right = text[:begin], text[begin:end], text[end:]
    before, after = left[-1:], right[:1]
    # A typographic apostrophe is no opening mark, unless it is used on both sides.
    elided = before in tuple(QUOTES) and (
        _ELISION.match(word) or (before == "\u2019" and after not in tuple(APOSTROPHES))
    )
    quoted = any(c in QUOTES for c in left) and not elided
    shortened = after in tuple(APOSTROPHES) and not quoted and _SHORTENED.search(word)
    left, right = ("".join(c for c in side if c not in QUOTES) for side in (left, right))
    return f"{left}{before if elided else ''}{word}{after if shortened else ''}{right}"
