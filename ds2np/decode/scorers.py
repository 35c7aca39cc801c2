"""What a prefix earns besides its probability: language model, length and favoured phrases.

The paper's objective is log p(y | x) + alpha log p_LM(y) + beta word_count(y). A scorer turns the
last two terms into factors, exp(alpha log p + beta), one for each unit: a word where it ends, or
each symbol with a language model of characters.
"""

import math

import numpy as np

from ds2np.decode.lexicon import LEFT, Lexicon
from ds2np.decode.memory import Memory
from ds2np.decode.phrases import Phrases

UNK, EOS = 0, 2  # word numbers of a language model
NONE = -1  # of a symbol that has no such character
LN10 = math.log(10)


class Scorer:
    """What both kinds of scorer share: states, and the score of a whole text.

    A state is the state of the language model and the node of the phrases in one number.

    Parameters
    ----------
    alphabet : Alphabet
    space : int
        The symbol that separates words; 0 if the alphabet has none.
    lm : NGram or None
        Without one, only the phrases count.
    alpha, beta : float
    unknown : float
        Added to log10 p_LM of a word that the model does not know.
    closed : bool
        Whether such words are impossible.
    phrases : dict of tuple of str to float
        See `Phrases`.
    """

    def __init__(self, alphabet, space, lm, alpha, beta, unknown, closed, phrases):
        self.alphabet, self.space, self.lm = alphabet, space, lm
        self.alpha, self.beta, self.closed = alpha * LN10, beta, closed
        self.phrases = Phrases(phrases)
        self._nodes = len(self.phrases.held)
        self.begin = (lm.begin if lm else 0) * self._nodes
        self.penalty = self.alpha * unknown if lm else 0.0
        self.unknown_weight = 0.0 if closed else math.exp(self.penalty)
        # No factor is above this one.
        self.most = math.exp(max(beta if lm else 0.0, 0.0) + self.phrases.bonus.max(initial=0.0))

    def advance(self, state, word, column):
        """Score a unit after each state; return the logarithms of the factors and the states."""
        before, node = (state, 0) if self._nodes == 1 else np.divmod(state, self._nodes)
        if self.lm:
            logp, after = self.lm.score_pairs(before, word)
            gain = self.alpha * logp.astype(np.float64) + self.beta
        else:
            gain, after = np.zeros(len(state)), np.zeros(len(state), np.int64)
        if self._nodes == 1:
            return gain, after.astype(np.int64)
        return gain + self.phrases.bonus[node, column], (
            after.astype(np.int64) * self._nodes + self.phrases.after[node, column]
        )

    def sentence_end(self, state):
        """Return the factor of the end of the text after each state."""
        before, node = np.divmod(state, self._nodes)
        gain = -self.phrases.held[node]
        if self.lm:
            logp, _ = self.lm.score_pairs(before, np.full(len(state), EOS))
            gain = gain + self.alpha * logp.astype(np.float64)
        return np.exp(gain)

    def score_texts(self, texts):
        """Return the logarithm of all that each text earns, (len(texts),)."""
        cut = [self.cut(text) for text in texts]
        totals = np.zeros(len(texts))
        if self.lm:
            for i, logp in enumerate(self.lm.score_all([self.name(units) for units in cut])):
                totals[i] = self.alpha * math.fsum(logp) + self.beta * len(cut[i])
        for i, units in enumerate(cut):
            totals[i] += self.unknown_units(units)
            if self._nodes > 1:
                totals[i] += self._score_phrases(units)
        return totals

    def _score_phrases(self, units):
        node, total = 0, 0.0
        for unit in units:
            column = self.phrases.number(unit)
            total += self.phrases.bonus[node, column]
            node = self.phrases.after[node, column]
        return total - self.phrases.held[node]


class WordScorer(Scorer):
    """Scores each word where it ends; see `Scorer`.

    A word leaves the vocabulary at the first symbol that no word continues with, and pays for it
    there. Words of phrases are in the vocabulary, too: they count as <unk>, without the penalty.
    """

    def __init__(self, alphabet, space, lm, *rest):
        super().__init__(alphabet, space, lm, *rest)
        known = list(lm.words[3:]) if lm else []
        numbers = lm.numbers if lm else {}
        more = [word for word in self.phrases.units if word not in numbers]
        self.words = known + more
        self.lexicon = Lexicon(self.words, alphabet, space)
        self._V, self._known = len(alphabet), set(self.words)
        # What ends inside of the lexicon and is no word has not paid yet.
        unknown = self.lexicon.word < 0
        unknown[: LEFT + 1] = False
        self._end_weight = np.where(unknown, self.unknown_weight, 1.0)
        # The last entry is for no word of the lexicon, -1.
        self._number = np.array([*range(3, 3 + len(known)), *(UNK for _ in more), UNK])
        columns = [self.phrases.number(word) for word in self.words]
        self._column = np.array([*columns, len(self.phrases.units)])
        self._memory = Memory()

    def extend(self, lex, symbols):
        """Return factors and nodes of the lexicon after one more symbol, 0 for none."""
        after = self.lexicon.table[lex * self._V + symbols]
        gain, left = np.ones(len(after)), (after == LEFT).nonzero()[0]
        gain[left] = self.unknown_weight
        return gain, after

    def word_end(self, lex, state):
        """Return factor and state if the word ends that stands at a node of the lexicon."""
        index = self.lexicon.word[lex]
        weight, after = self._memory.recall(state * len(self._number) + index + 1, self._score)
        weight *= self._end_weight[lex]
        return weight, after

    def _score(self, keys):
        state, index = np.divmod(keys, len(self._number))
        index -= 1
        gain, after = self.advance(state, self._number[index], self._column[index])
        return np.exp(gain), after

    def cut(self, text):
        return text.split()

    def name(self, units):
        return units

    def unknown_units(self, words):
        return self.penalty * sum(word not in self._known for word in words) if self.lm else 0.0


class CharacterScorer(Scorer):
    """Scores each symbol, for Mandarin or a language model of characters; see `Scorer`."""

    def __init__(self, alphabet, space, lm, *rest):
        super().__init__(alphabet, space, lm, *rest)
        # Of each symbol the first character, then of those that have one the second.
        longest = max(map(len, alphabet.symbols))
        self._characters = [self._look_up(place) for place in range(longest)]
        self._unknown = np.any([numbers == UNK for _, numbers, _ in self._characters], axis=0)
        self.penalty = 0.0  # <unk> is rare enough among characters

    def _look_up(self, place):
        """Return the symbols that have a character at a place, and of these what scores it."""
        letters = [symbol[place : place + 1] for symbol in self.alphabet.symbols]
        numbers = self.lm.numbers if self.lm else {}
        known = [numbers.get(name, UNK) if name else NONE for name in self.name(letters)]
        columns = [self.phrases.number(letter) for letter in letters]
        there = np.array([place == 0, *map(bool, letters)])
        return there, np.array([UNK, *known]), np.array([0, *columns])

    def symbol(self, state, symbols):
        """Return factor and state after one more symbol."""
        gain, after = 0.0, state
        for place, (there, numbers, columns) in enumerate(self._characters):
            if place == 0:
                gain, after = self.advance(state, numbers[symbols], columns[symbols])
                continue
            rows = there[symbols].nonzero()[0]
            if len(rows):
                further = symbols[rows]
                more, after[rows] = self.advance(after[rows], numbers[further], columns[further])
                gain[rows] += more
        weight = np.exp(gain)
        if self.closed:
            weight[self._unknown[symbols]] = 0.0
        return weight, after

    def cut(self, text):
        return list(text)

    def name(self, units):
        """Return the names of symbols in the language model, where the space has one."""
        space = self.lm.space if self.lm else " "
        return [space if unit.isspace() else unit for unit in units]

    def unknown_units(self, symbols):
        return 0.0
