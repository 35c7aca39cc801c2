"""The symbols that a network writes, and their numbers.

Chapter 00 shows where symbols come in. Number 0 is the CTC blank, which stands for no symbol.
"""

import unicodedata
from collections import Counter

import numpy as np

from ds2np.errors import UserError

ENGLISH = " 'abcdefghijklmnopqrstuvwxyz"


class Alphabet:
    """Encode text as numbers of symbols, and decode numbers to text.

    Another kind of alphabet, such as bigrams, is a subclass and an entry in
    `ds2np.text.ALPHABETS`.

    Parameters
    ----------
    symbols : str or sequence of str
        Distinct; the first one becomes number 1. The paper's English has a to z, space and
        apostrophe.

    Attributes
    ----------
    symbols : tuple of str
    blank : int

    Raises
    ------
    UserError
        If a symbol occurs twice.
    """

    blank = 0

    def __init__(self, symbols=ENGLISH):
        self.symbols = tuple(symbols)
        twice = sorted(symbol for symbol, n in Counter(self.symbols).items() if n > 1)
        if twice:
            raise UserError(f"the alphabet has {twice[0]!r} twice; expected distinct symbols")
        self._numbers = {symbol: i for i, symbol in enumerate(self.symbols, start=1)}

    def __len__(self):
        """Count the symbols including the blank: the paper's V."""
        return len(self.symbols) + 1

    def normalise(self, text):
        """Compose accents, fold case where the alphabet has only the folded form, trim spaces."""
        text = " ".join(unicodedata.normalize("NFC", text).split())
        return "".join(c if c in self._numbers else c.lower() for c in text)

    def cut(self, text):
        """Cut normalised text into symbols; here each character is one."""
        return list(text)

    def unknown(self, text):
        """List the symbols of a text that the alphabet lacks, each once."""
        return sorted(set(self.cut(self.normalise(text))) - set(self._numbers))

    def encode(self, text, where=""):
        """Convert text to the numbers of its symbols.

        Parameters
        ----------
        text : str
        where : str
            The origin of the text, for the error message.

        Returns
        -------
        ndarray of int64 of shape (L,)

        Raises
        ------
        UserError
            If the alphabet lacks a symbol of the text: nothing is dropped silently.
        """
        if unknown := self.unknown(text):
            listed = " ".join(repr(c) for c in unknown)
            raise UserError(
                f"{where or 'the text'}: {listed} in {text!r} not in the alphabet "
                f"{''.join(self.symbols)!r}; write it out or leave the line out"
            )
        return np.array([self._numbers[s] for s in self.cut(self.normalise(text))], np.int64)

    def decode(self, numbers):
        """Convert numbers to text; blanks write nothing."""
        return "".join(self.symbols[i - 1] for i in numbers if i != self.blank)

    def separates(self, number):
        """Return whether a symbol stands between words."""
        return self.symbols[number - 1].isspace()

    def split(self, text):
        """Split text into words."""
        return text.split()

    def join(self, words):
        """Join words to text."""
        return " ".join(words)
