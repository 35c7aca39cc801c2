"""The output symbols of the network and their numbers; number 0 is the CTC blank.

Chapter 00 introduces them.
"""

import unicodedata
from collections import Counter

import numpy as np

from ds2np.errors import UserError
from ds2np.text.characters import FIRST, list_characters, name_symbol
from ds2np.text.words import WORD, join_words, split_words, without_spaces

ENGLISH = " 'abcdefghijklmnopqrstuvwxyz"
SMALL = 40  # symbols that a message shows
LONGEST = 100  # characters of a text that a message shows


class Alphabet:
    """Mapping between text and symbol numbers.

    Other units, such as bigrams, are a subclass and an entry in `ds2np.text.ALPHABETS`.

    Parameters
    ----------
    symbols : str or sequence of str
        Numbered from 1; a repeated symbol is a UserError. The paper's English has a to z, space and
        apostrophe.
    """

    blank = 0
    is_unique = True  # whether a text can be written in one way only

    def __init__(self, symbols=ENGLISH):
        self.symbols = tuple(symbols)
        twice = sorted(symbol for symbol, n in Counter(self.symbols).items() if n > 1)
        if twice:
            raise UserError(f"the alphabet contains {twice[0]!r} twice; expected distinct symbols")
        self._numbers = {symbol: i for i, symbol in enumerate(self.symbols, start=1)}
        self._texts = ("", *self.symbols)  # the blank is read as nothing
        self._folded = _Folded(self._numbers)

    def __len__(self):
        """Count the symbols including the blank: V."""
        return len(self.symbols) + 1

    def __str__(self):
        """Name the alphabet in a message: by its symbols if they are few, else by the first."""
        if len(self.symbols) <= SMALL:
            return f"the alphabet {''.join(self.symbols)!r}"
        first = " ".join(map(name_symbol, self.symbols[:FIRST]))
        return f"the alphabet of {len(self.symbols):,} symbols ({first} ...)"

    def describe_change(self, before):
        """Say how this alphabet differs from one before; "" if it does not."""
        lost, new = set(before.symbols) - set(self.symbols), set(self.symbols) - set(before.symbols)
        if lost or new:
            parts = ((lost, "lacks"), (new, "has"))
            return " and ".join(f"{verb} {list_characters(sorted(s))}" for s, verb in parts if s)
        return "" if self.symbols == before.symbols else "has its symbols in another order"

    def normalise(self, text):
        """Compose accents, convert to lower case what the alphabet lacks, and trim spaces."""
        text = " ".join(unicodedata.normalize("NFC", text).split())
        return text.translate(self._folded)

    def cut(self, text):
        """Split normalised text into symbols, here characters."""
        return list(text)

    def unknown(self, text):
        """List the symbols of a text that are not in the alphabet, each once."""
        return sorted(set(self.cut(self.normalise(text))) - set(self._numbers))

    def encode(self, text, where=""):
        """Convert text to symbol numbers, an ndarray of int64 of shape (L,).

        Raises UserError for symbols that are not in the alphabet: nothing is dropped silently. The
        message names the origin of the text, if given by where.
        """
        try:
            numbers = map(self._numbers.__getitem__, self.cut(self.normalise(text)))
            return np.fromiter(numbers, np.int64)
        except KeyError:
            raise UserError(
                f"{where or 'the text'}: {self.describe_unknown(text)} not in {self}; "
                "spell it out or remove the line"
            ) from None

    def describe_unknown(self, text):
        """Name the symbols of a text that are not in the alphabet, and show the text."""
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
        return f"{list_characters(self.unknown(text))} in {shown!r}"

    def decode(self, numbers):
        """Convert symbol numbers to text, skipping blanks."""
        return "".join(map(self._texts.__getitem__, numbers))

    @property
    def has_spaces(self):
        """Whether spaces separate words; if not, errors are counted in characters.

        They do not in Mandarin, even if the Roman words in it have spaces between them.
        """
        characters = "".join(self.symbols)
        return any(map(str.isspace, characters)) and not without_spaces(characters)

    def separates(self, number):
        """Return whether a symbol is a space."""
        return self.symbols[number - 1].isspace()

    def split(self, text):
        """Split text into words; see `ds2np.text.words`."""
        return split_words(text)

    def join(self, words):
        """Join words to text."""
        return join_words(words)

    def find_words(self, numbers):
        """Find the words of a text that is given as symbols.

        Parameters
        ----------
        numbers : sequence of int
            Without blanks.

        Returns
        -------
        list of tuple
            The text of each word, the place of its first symbol and the place after its last one.
            Two words can share a symbol of two characters.
        """
        texts = [self._texts[number] for number in numbers]
        text = "".join(texts)
        if len(text) == len(texts):
            return [(word[0], *word.span()) for word in WORD.finditer(text)]
        place = [i for i, each in enumerate(texts) for _ in each]
        return [(w[0], place[w.start()], place[w.end() - 1] + 1) for w in WORD.finditer(text)]


class _Folded(dict):
    """A table for `str.translate`: lower case for the characters that an alphabet lacks."""

    def __init__(self, known):
        super().__init__()
        self._known = known

    def __missing__(self, code):
        character = chr(code)
        self[code] = character if character in self._known else character.lower()
        return self[code]
