"""What the texts of a corpus have that is probably not meant, although a network can learn it."""

import unicodedata

from ds2np.text.characters import MARK, WIDE, name_character, simplified_and_traditional
from ds2np.text.words import join_words, split_words

LONGEST = 60  # characters of a text in a sentence
REMEDY = "`data --fix` takes them out, else the network has to write them"


class SuspectTexts:
    """Counts suspect characters and spaces, and remembers the first of each kind.

    Parameters
    ----------
    symbols : iterable of str, optional
        Those of the alphabet: characters that it lacks are an error elsewhere.
    remedy : str
        What to do about spaces beside Chinese characters.
    """

    def __init__(self, symbols=None, remedy=REMEDY):
        self._symbols, self._remedy = symbols and set(symbols), remedy
        self._texts, self._counts, self._first = 0, {}, {}

    def notice(self, text, where):
        """Look at a text; where is its place, of any type."""
        self._texts += 1
        if text.isascii():
            return
        composed = " ".join(unicodedata.normalize("NFC", text).split())
        if not unicodedata.is_normalized("NFC", text):
            others = (c for c in text if unicodedata.normalize("NFC", c) != c)
            self._add("mapped", others, where)
        known = composed
        if self._symbols:
            known = "".join(filter(self._symbols.__contains__, composed))
        self._add("wide", WIDE.findall(known), where)
        self._add("mark", MARK.findall(known), where)
        if not known.isprintable():
            self._add("invisible", (c for c in known if not c.isprintable()), where)
        for kind, characters in simplified_and_traditional().items():
            self._add(kind, filter(characters.__contains__, composed), where)
        if " " in known and join_words(split_words(composed)) != composed:
            self._add("spaced", [composed], where)

    def _add(self, kind, items, where):
        for item in items:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._first.setdefault(kind, (item, where))

    def sentences(self, place=str):
        """Return a list of sentences, one for each kind.

        place: turns the place of a text into what a sentence calls it.
        """
        counts = self._counts
        first = {kind: (item, place(where)) for kind, (item, where) in self._first.items()}
        said = []
        if "mapped" in first:
            item, where = first["mapped"]
            other = unicodedata.normalize("NFC", item)
            codes = " ".join(f"U+{ord(c):04X}" for c in other)
            said.append(
                f"characters that Unicode's composed form (NFC) replaces, {counts['mapped']:,} of "
                f"them: the first, {name_character(item)} in {where}, is read as {other!r} "
                f"({codes})"
            )
        if "wide" in first:
            item, where = first["wide"]
            said.append(
                f"full-width or half-width characters, {counts['wide']:,} of them, the first "
                f"{name_character(item)} in {where}: they are symbols beside the ordinary ones"
            )
        if "mark" in first:
            item, where = first["mark"]
            said.append(
                f"combining marks that compose with no letter, {counts['mark']:,} of them, the "
                f"first {name_character(item)} in {where}: each is a symbol beside its letter"
            )
        if "invisible" in first:
            item, where = first["invisible"]
            said.append(
                f"invisible characters, {counts['invisible']:,} of them, the first "
                f"{name_character(item)} in {where}: each is a symbol"
            )
        if "simplified" in first and "traditional" in first:
            (old, there), (new, here) = first["traditional"], first["simplified"]
            said.append(
                f"traditional beside simplified characters: {counts['traditional']:,} that only "
                f"traditional text has, the first {old!r} in {there}, and "
                f"{counts['simplified']:,} that only simplified text has, the first {new!r} in "
                f"{here}; in names this may be right, all else should be one of the two"
            )
        if "spaced" in first:
            item, where = first["spaced"]
            shown = item if len(item) <= LONGEST else f"{item[:LONGEST]}..."
            said.append(
                f"spaces beside Chinese characters, in {counts['spaced']:,} of {self._texts:,} "
                f"texts, the first {shown!r} in {where}, which nobody speaks: {self._remedy}"
            )
        return said
