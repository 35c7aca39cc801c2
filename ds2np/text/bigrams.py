"""Bigrams: two letters as one symbol, as in the paper ("Bigrams", chapter 14).

A network that writes two letters at once needs fewer symbols for the same text, and so fewer frames
a second: it can take larger strides in time.
"""

import re

from ds2np.text.alphabet import Alphabet


class Bigrams(Alphabet):
    """Words cut in twos from the left; the last letter stands alone where a word is odd.

    A space is a symbol of its own: "the cats sat" is th e _ ca ts _ sa t. Two letters that the
    alphabet lacks as a bigram are written one by one, so that any text of its letters has exactly
    one sequence of symbols.
    """

    is_unique = False  # but `encode` has one way, and networks learn that

    def cut(self, text):
        """Split normalised text into symbols."""
        known, symbols = self._numbers, []
        for word in re.findall(r"\s|\S+", text):
            for pair in cut_in_twos(word):
                symbols += [pair] if pair in known else pair
        return symbols


def cut_in_twos(word):
    """Cut a word into pairs of letters from the left; the last one may be a single letter."""
    return [word[i : i + 2] for i in range(0, len(word), 2)]
