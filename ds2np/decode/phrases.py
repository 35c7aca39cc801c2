"""Favoured phrases: names and terms that count as more probable than the network makes them.

Words are followed through an automaton (Aho and Corasick) that knows, after each word, the longest
beginning of a phrase that has just been said. A word that continues a phrase earns its bonus at
once, so that the search does not lose the phrase; a phrase that breaks off pays it back. So a text
has earned, in the end, the bonus of each phrase in it, and nothing else.
"""

import math
from collections import deque

import numpy as np

from ds2np.errors import UserError


class Phrases:
    """An automaton over the units of phrases: words, or the symbols of a text without spaces.

    Parameters
    ----------
    weights : dict of tuple of str to float
        For each phrase, a tuple of units, how many times as probable each unit of it is to count:
        with 2, a phrase of three words makes a text 8 times as probable. Below 1 it is disfavoured.

    Attributes
    ----------
    units : list of str
        All units of the phrases.
    bonus : ndarray of float64 of shape (nodes, units + 1)
        Natural logarithm of what a unit earns after a node; the last column is any other unit.
    after : ndarray of int of shape (nodes, units + 1)
        The node after it.
    held : ndarray of float64 of shape (nodes,)
        What has been earned for a phrase that is not complete; the end of the text takes it back.
    """

    def __init__(self, weights):
        self.units = sorted({unit for phrase in weights for unit in phrase})
        self._number = {unit: i for i, unit in enumerate(self.units)}
        children, held, earned = [{}], [0.0], [0.0]
        for phrase, weight in weights.items():
            _check(phrase, weight)
            node = 0
            for depth, unit in enumerate(phrase, start=1):
                key = self._number[unit]
                if key not in children[node]:
                    children[node][key] = len(children)
                    children.append({})
                    held.append(-math.inf)
                    earned.append(0.0)
                node = children[node][key]
                # Several phrases may begin alike: the most favoured one counts until it is clear.
                held[node] = max(held[node], depth * math.log(weight))
            earned[node] += len(phrase) * math.log(weight)
        self._link(children, np.array(held), np.array(earned))

    def number(self, unit):
        """Return the column of a unit; that of all others if no phrase has it."""
        return self._number.get(unit, len(self.units))

    def _link(self, children, held, earned):
        for node, following in enumerate(children):
            if not following:  # complete: nothing is held back
                held[node] = 0.0
        fail = np.zeros(len(children), int)  # the longest other beginning that ends the same
        self.after = np.zeros((len(children), len(self.units) + 1), int)
        queue = deque([0])
        while queue:
            node = queue.popleft()
            if node:
                self.after[node] = self.after[fail[node]]
                earned[node] += earned[fail[node]]
            for unit, child in children[node].items():
                fail[child] = self.after[fail[node], unit] if node else 0
                self.after[node, unit] = child
                queue.append(child)
        self.held = held
        self.bonus = earned[self.after] + held[self.after] - held[:, None]


def _check(phrase, weight):
    if not phrase:
        raise UserError("a favoured phrase is empty; expected words")
    if not (math.isfinite(weight) and weight > 0):
        raise UserError(
            f"the phrase {' '.join(phrase)!r} has the weight {weight!r}; "
            "expected how many times as probable each word is, a number above 0"
        )
