"""Text written with an alphabet alone: what is changed is counted, what cannot be is left out."""

import unicodedata
from collections import Counter

from ds2np.text.words import join_words, split_words, stands_alone

SHOWN = 8  # characters named in a line of the report
APOSTROPHES = "\u2019\u2018\u02bc`\u00b4"
UNWRITABLE = "\0"  # marks sentences to be left out
KINDS = {
    "case": "upper-case letters made lower-case",
    "accent": "accents removed",
    "apostrophe": "apostrophes unified",
    "sign": "other signs made spaces",
    "unwritable": "letters and digits that the alphabet cannot write",
}


class Normaliser(dict):
    """Changes text such that an alphabet can write it; a table for `str.translate`.

    A character that the alphabet lacks becomes its lower-case form, the letter without its accent,
    or an apostrophe, if the alphabet has that. Punctuation and other signs become spaces. A
    sentence with any other letter or digit is left out: without its words, it would be another.

    Parameters
    ----------
    symbols : iterable of str
        The characters of the alphabet.

    Attributes
    ----------
    changed : dict of str to Counter
        Of each kind in `KINDS`, how often each character occurred.
    sentences, left_out, empty : int
        Those kept, with unwritable characters, and without any word.
    words : int
        Of the sentences that are kept.
    spaces : int
        Those taken out: beside Chinese characters, or as the alphabet has none.
    """

    def __init__(self, symbols):
        super().__init__()
        self._symbols = set(symbols)
        self._kinds = {}
        self._chinese = any(map(stands_alone, self._symbols))
        self._plain = {*symbols, *" \n\r\t"}
        self.changed = {kind: Counter() for kind in KINDS}
        self.sentences = self.left_out = self.empty = self.words = self.spaces = 0

    def __missing__(self, code):
        character = chr(code)
        kind, self[code] = self._choose(character)
        self._kinds[character] = kind
        return self[code]

    def _choose(self, character):
        """Return the kind of change of a character, "" for none, and what replaces it."""
        lower = character.lower()
        bare = "".join(
            c for c in unicodedata.normalize("NFKD", lower) if not unicodedata.combining(c)
        )
        if character in self._symbols:
            return "", character
        if character.isspace():
            return "", " "
        if lower in self._symbols:
            return "case", lower
        if character in APOSTROPHES and "'" in self._symbols:
            return "apostrophe", "'"
        if bare and set(bare) <= self._symbols - {" "}:
            return "accent", bare
        if unicodedata.category(character)[0] in "LN":
            return "unwritable", UNWRITABLE
        return "sign", " "

    def __call__(self, text):
        """Return a sentence as the alphabet writes it, or None if it is left out."""
        text = unicodedata.normalize("NFC", text)
        for character, kind in self.find_changes(text).items():
            self.changed[kind][character] += text.count(character)
        spaced = self._space(text)
        if spaced is None:
            self.left_out += 1
            return None
        if not spaced:
            self.empty += 1
            return None
        self.sentences += 1
        sentence = self._close_up(spaced)
        self.spaces += len(spaced) - len(sentence)
        self.words += len(split_words(spaced))
        return sentence

    def write(self, text):
        """Return a text as the alphabet writes it, and count nothing.

        "" if it has no word; None if it has a letter or digit that the alphabet cannot write.
        """
        spaced = self._space(unicodedata.normalize("NFC", text))
        return spaced and self._close_up(spaced)

    def find_changes(self, text):
        """Return the kind of change, a key of `KINDS`, of each character of a text that changes."""
        text.translate(self)  # chooses for characters that are new
        kinds = {character: self._kinds[character] for character in set(text) - self._plain}
        return {character: kind for character, kind in kinds.items() if kind}

    def _space(self, text):
        """Write a composed text with a space between its words; None if that cannot be."""
        written = text.translate(self)
        if UNWRITABLE in written:
            return None
        # A word of apostrophes alone was a quotation mark.
        return " ".join(word for word in written.split() if word.strip("'"))

    def _close_up(self, spaced):
        """Take out the spaces that the script does not have."""
        if self._chinese:
            spaced = join_words(split_words(spaced))
        return spaced if " " in self._symbols else spaced.replace(" ", "")

    def report(self):
        """Describe what was changed and left out, a line each."""
        lines = []
        for kind, text in KINDS.items():
            if found := self.changed[kind]:
                most = sorted(found.items(), key=lambda item: (-item[1], item[0]))[:SHOWN]
                named = ", ".join(f"{c!r} {n:,}" for c, n in most)
                more = f" and {len(found) - SHOWN} others" if len(found) > SHOWN else ""
                lines.append(f"  {text}: {found.total():,} ({named}{more})")
        if self.spaces:
            lines.append(f"  spaces taken out: {self.spaces:,}")
        if self.left_out:
            lines.append(f"  sentences left out because of these: {self.left_out:,}")
        if self.empty:
            lines.append(f"  lines without a word: {self.empty:,}")
        return lines
