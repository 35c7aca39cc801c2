"""Which characters the network can write, and their numbers."""

import unicodedata

import numpy as np

from ds2np.errors import UserError

ENGLISH = " 'abcdefghijklmnopqrstuvwxyz"


class Alphabet:
    """Characters and their numbers; 0 is the CTC blank, which stands for none.

    Parameters
    ----------
    characters : str
        Each once; the first one becomes number 1. The paper's English has a to z, space and
        apostrophe.
    """

    def __init__(self, characters=ENGLISH):
        repeated = {c for c in characters if characters.count(c) > 1}
        if repeated:
            raise UserError(f"the alphabet has {sorted(repeated)[0]!r} twice; each once is needed")
        self.characters = characters
        self._number = {c: i for i, c in enumerate(characters, start=1)}

    def __len__(self):
        """Count the symbols, the blank included: the paper's V."""
        return len(self.characters) + 1

    def normalise(self, text):
        """Compose accents, fold case where the alphabet has only the folded form, trim spaces.

        Parameters
        ----------
        text : str

        Returns
        -------
        str
        """
        text = " ".join(unicodedata.normalize("NFC", text).split())
        return "".join(c if c in self._number else c.lower() for c in text)

    def unknown(self, text):
        """List the characters of a text that the alphabet lacks, each once."""
        return sorted(set(self.normalise(text)) - set(self._number))

    def encode(self, text, where=""):
        """Turn text into the numbers of its characters.

        Parameters
        ----------
        text : str
        where : str
            Where the text comes from, for the error message.

        Returns
        -------
        ndarray of int64 of shape (L,)

        Raises
        ------
        UserError
            If the text has characters that the alphabet lacks: nothing is dropped silently.
        """
        if unknown := self.unknown(text):
            listed = " ".join(repr(c) for c in unknown)
            raise UserError(
                f"{where or 'the text'}: {listed} in {text!r} "
                f"not in the alphabet {self.characters!r}; write it out or leave the line away"
            )
        return np.array([self._number[c] for c in self.normalise(text)], dtype=np.int64)

    def decode(self, numbers):
        """Turn numbers into text; blanks write nothing.

        Parameters
        ----------
        numbers : iterable of int

        Returns
        -------
        str
        """
        return "".join(self.characters[i - 1] for i in numbers if i > 0)
