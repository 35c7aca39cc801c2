"""The words that a decoder knows, as a trie in one table."""

import numpy as np

OUTSIDE = 0  # a beginning that no word has; it leads only to itself
LEFT = 1  # the first symbol outside, the one that is paid for; it leads to OUTSIDE
EMPTY = 2  # no symbol of a word yet


class Lexicon:
    """A trie of words over the symbols of an alphabet.

    Parameters
    ----------
    words : sequence of str
        Those that the alphabet cannot write are left out; see `left_out`.
    alphabet : Alphabet
    space : int
        The number of the symbol that separates words.

    Attributes
    ----------
    table : ndarray of int32 of shape (nodes * V,)
        The node after a node's symbols and one more. The blank leaves a node as it is, but `LEFT`
        has been left after it; the space leads to `EMPTY`.
    word : ndarray of int64 of shape (nodes,)
        Index of the word that ends in a node, -1 if none does.
    left_out : list of str
    """

    def __init__(self, words, alphabet, space):
        number = {symbol: i for i, symbol in enumerate(alphabet.symbols, start=1)}
        spelt, kept, self.left_out = [], [], []
        for index, word in enumerate(words):
            numbers = [number.get(symbol, 0) for symbol in alphabet.cut(word)]
            if numbers and all(numbers) and space not in numbers:
                spelt.append(numbers)
                kept.append(index)
            else:
                self.left_out.append(word)
        table, ends = _build(spelt, len(alphabet))
        table[EMPTY:][table[EMPTY:] == OUTSIDE] = LEFT
        table[EMPTY:, 0] = np.arange(EMPTY, len(table))
        table[:, space] = EMPTY
        self.table = table.ravel()
        self.word = np.full(len(table), -1)
        self.word[ends] = kept


def _build(spelt, V):
    """Build a trie, letter by letter over all words; return its table and each word's node."""
    if not spelt:
        return np.zeros((EMPTY + 1, V), np.int32), np.zeros(0, np.int64)
    lengths = np.array([len(numbers) for numbers in spelt])
    letters = np.zeros((len(spelt), lengths.max()), np.int32)
    letters[np.arange(lengths.max()) < lengths[:, None]] = np.concatenate(spelt)
    order = np.lexsort(letters.T[::-1])
    letters, lengths = letters[order], lengths[order]
    node, size = np.full(len(spelt), EMPTY), EMPTY + 1
    last = np.full(len(spelt), EMPTY)
    differs = np.ones(len(spelt), bool)  # from the word before, in any letter so far
    differs[1:] = False
    parents, symbols = [], []
    for column in range(lengths.max()):
        letter = letters[:, column]
        differs[1:] |= letter[1:] != letter[:-1]
        inside = letter > 0
        new = inside & differs
        parents.append(node[new])
        symbols.append(letter[new])
        node = np.where(inside, size - 1 + np.cumsum(new), node)
        size += int(new.sum())
        ended = lengths == column + 1
        last[order[ended]] = node[ended]
    table = np.zeros((size, V), np.int32)
    table[np.concatenate(parents), np.concatenate(symbols)] = np.arange(EMPTY + 1, size)
    return table, last
