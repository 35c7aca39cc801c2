"""The lattice of a long text, and the way back through a block of its frames.

As in chapter 05, blanks and labels alternate. At some of the blanks, the gates between words, the
path may leave the text:

    word  space  blank = gate -> next word       as everywhere in CTC
                   |  ^
                   v  |
                 outside -> outside of a later gate: the text between them was not read
                 (loop: sound that has no text)

The back-pointer of a state takes two bits.
"""

from dataclasses import dataclass

import numpy as np


class Lattice:
    """The states of a text, and its gates."""

    def __init__(self, labels, gates, costs, loose, blank):
        labels, self.loose = np.asarray(labels, np.int64), loose
        self.count = 2 * len(labels) + 1
        self.symbols = np.full(self.count, blank)
        self.symbols[1::2] = labels
        self.skip = np.full(self.count, -np.inf)  # added to what comes from two states before
        self.skip[3::2][labels[1:] != labels[:-1]] = 0.0
        self.places = 2 * np.asarray(gates, np.int64)  # blanks
        self.costs = np.broadcast_to(np.asarray(costs, float), self.places.shape)
        self.cost_before = loose.label * (np.arange(self.count) // 2)  # of leaving all out before
        self.lost = self.cost_before[self.places]
        self.gate_of = np.full(self.count + 1, -1)  # of the states that follow a gate
        self.gate_of[self.places] = self.gate_of[self.places + 1] = np.arange(len(self.places))


@dataclass(frozen=True)
class Steps:
    """Where the best paths into the states of a block came from.

    `bits` are two for each state from `low` on: 0 the same state, 1 the one before, 2 two before,
    3 its gate. `ways` are those of the gates from `low_gate` on: 0 the same gate, 1 its blank, 2
    the state before that, 3 an earlier gate, `sources`.
    """

    low: int
    bits: tuple
    low_gate: int
    ways: np.ndarray
    sources: np.ndarray

    def before(self, lattice, t, states):
        """Return the states in the frame before frame t of the block."""
        before, outside = states.copy(), states < 0
        at = states[~outside] - self.low
        one, two = (bits[t, at >> 3] >> (7 - (at & 7)) & 1 for bits in self.bits)
        way = one + 2 * two
        came = states[~outside] - way
        left = way == 3
        came[left] = -1 - lattice.gate_of[states[~outside][left]]
        before[~outside] = came
        gates = -1 - states[outside]
        way, source = (x[t, gates - self.low_gate] for x in (self.ways, self.sources))
        place = lattice.places[gates]
        before[outside] = np.choose(way, [states[outside], place, place - 1, -1 - source])
        return before

    def one_before(self, lattice, t, state):
        """Return the state before one; faster than `before`."""
        if state < 0:
            return int(self.before(lattice, t, np.array([state]))[0])
        at = state - self.low
        shift = 7 - (at & 7)
        one, two = (int(bits[t, at >> 3]) >> shift & 1 for bits in self.bits)
        way = one + 2 * two
        return -1 - int(lattice.gate_of[state]) if way == 3 else state - way
