"""The texts of a beam search: a tree of prefixes, and hashes that find a prefix again."""

import numpy as np

# Odd multipliers with well spread bits.
_ADD, _MIX = np.int64(-7046029254386353131), np.int64(-4658895280553007687)
ROOT_KEY = 0x5851F42D4C957F2D
_SIEVE = 1 << 17


class PrefixTree:
    """Every prefix that was ever in the beam: the prefix before it, and its last symbol.

    The first N nodes are the empty prefixes of N utterances.
    """

    def __init__(self, N):
        self.size, self.roots = N, N
        self._parents, self._symbols = [np.full(N, -1)], [np.zeros(N, np.int64)]

    def add(self, parents, symbols):
        """Add prefixes one symbol longer than their parents; return their nodes."""
        self._parents.append(parents)
        self._symbols.append(symbols)
        nodes = np.arange(self.size, self.size + len(parents))
        self.size += len(parents)
        return nodes

    def read(self, nodes):
        """Return the symbols of each prefix, a list of lists."""
        if len(self._parents) > 1:
            self._parents = [np.concatenate(self._parents)]
            self._symbols = [np.concatenate(self._symbols)]
        (parents,), (symbols,) = self._parents, self._symbols
        return [self._walk(node, parents, symbols) for node in nodes.tolist()]

    def _walk(self, node, parents, symbols):
        path = []
        while node >= self.roots:
            path.append(symbols.item(node))
            node = parents.item(node)
        return path[::-1]


def extend_keys(keys, symbols):
    """Hash prefixes one symbol longer, from the hashes of the prefixes; 64 bits."""
    mixed = symbols * _ADD
    mixed ^= keys
    mixed *= _MIX
    mixed ^= mixed >> 29
    return mixed


class KeySieve:
    """Finds which keys are among others, if hardly any are.

    A table of bits lets few keys through; only these are looked up in a sorted list.
    """

    def __init__(self):
        self._marked = np.zeros(_SIEVE, bool)

    def find(self, wanted, keys):
        """Return the places of some wanted keys that are found, and their places among the keys."""
        bits = keys & (_SIEVE - 1)
        self._marked[bits] = True
        through = self._marked[wanted & (_SIEVE - 1)].nonzero()[0]
        self._marked[bits] = False
        if not len(through):
            return through, through
        order = np.argsort(keys, kind="stable")
        places = np.minimum(np.searchsorted(keys, wanted[through], sorter=order), len(keys) - 1)
        found = order[places]
        hit = keys[found] == wanted[through]
        return through[hit], found[hit]
