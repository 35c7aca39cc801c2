"""The output symbols of the network and their numbers; number 0 is the CTC blank.

Chapter 00 introduces them.
"""

import unicodedata
from collections import Counter

import numpy as np

from ds2np.errors import UserError

ENGLISH = " 'abcdefghijklmnopqrstuvwxyz"


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
            listed = " ".join(repr(c) for c in self.unknown(text))
            raise UserError(
                f"{where or 'the text'}: {listed} in {text!r} not in the alphabet "
                f"{''.join(self.symbols)!r}; spell it out or remove the line"
            ) from None

    def decode(self, numbers):
        """Convert symbol numbers to text, skipping blanks."""
        return "".join(map(self._texts.__getitem__, numbers))

    @property
    def has_spaces(self):
        """Whether words are separated; if not, as in Mandarin, errors are counted in characters."""
        return any(symbol.isspace() for symbol in self.symbols)

    def separates(self, number):
        """Return whether a symbol separates words."""
        return self.symbols[number - 1].isspace()

    def split(self, text):
        """Split text into words."""
        return text.split()

    def join(self, words):
        """Join words to text."""
        return " ".join(words)


class _Folded(dict):
    """A table for `str.translate`: lower case for the characters that an alphabet lacks."""

    def __init__(self, known):
        super().__init__()
        self._known = known

    def __missing__(self, code):
        character = chr(code)
        self[code] = character if character in self._known else character.lower()
        return self[code]
