"""The CTC lattice: the states of each transcript of a batch, and which may follow which.

The transcript with a blank before, between and after its labels has S = 2L + 1 states. A path is in
one state in each frame: it stays, goes on to the next, or skips a blank between different labels.
The emission y_t(s) is the probability of the symbol of s at frame t. Chapter 05 derives it.
"""

import numpy as np

from ds2np.backend import get_array_module
from ds2np.ctc.fit import min_frames
from ds2np.ctc.semiring import LOG_ZERO


class Lattice:
    """The states of each transcript of a batch, as arrays (S, N).

    With the states as the first axis, each step of the recursion runs over contiguous memory.

    Attributes
    ----------
    frames, states : ndarray of shape (N,)
        Real frames and real states of each utterance.
    symbols : ndarray of int of shape (S, N)
        The symbol that each state emits.
    real, skip : ndarray of bool of shape (S, N)
        Whether a state is not padding, and may be entered from two states before.
    fits : ndarray of bool of shape (N,)
        Whether the transcript fits into the frames.
    """

    def __init__(self, labels, input_lengths, label_lengths, blank):
        self.frames, self.states = input_lengths, 2 * label_lengths + 1
        s = np.arange(2 * labels.shape[1] + 1)[:, None]
        self.real = s < self.states
        self.symbols = np.full(self.real.shape, blank)
        self.symbols[1::2] = np.where(self.real[1::2], labels.T, blank)
        self.skip = np.zeros(self.real.shape, bool)
        self.skip[2:] = (self.symbols[2:] != blank) & (self.symbols[2:] != self.symbols[:-2])
        needed = [min_frames(row[:n]) for row, n in zip(labels, label_lengths, strict=True)]
        self.fits = np.asarray(needed, dtype=int) <= input_lengths

    def emissions(self, values, zero=LOG_ZERO):
        """Return the values (N, T, V) of each state's symbol, (T, S, N), `zero` for padded states.

        The values are probabilities, their logs, or whatever belongs to symbols.
        """
        return self.close(self.take(values), zero)

    def take(self, values):
        """Return the values (N, T, V) of each state's symbol, (T, S, N), padded states included."""
        xp = get_array_module(values)
        N, T, V = values.shape
        S = len(self.real)
        if S < V:  # many symbols: only those of the states are touched
            taken = xp.empty((T, S, N), values.dtype)
            for n, symbols in enumerate(self.symbols.T):
                taken[:, :, n] = values[n].take(xp.asarray(symbols), axis=1)
            return taken
        frames = values.transpose(1, 0, 2).reshape(T, N * V)
        columns = np.arange(N) * V + self.symbols  # take whole columns: one index for T numbers
        return frames.take(xp.asarray(columns.ravel()), axis=1).reshape(T, S, N)

    def close(self, emissions, zero):
        """Return emissions (T, S, N) with `zero` for padded states."""
        if self.real.all():
            return emissions
        xp = get_array_module(emissions)
        return xp.where(xp.asarray(self.real), emissions, zero)

    def sort_by_symbol(self):
        """Sort all states, (S * N,) flattened, by utterance and symbol.

        Returns their order, where in it each pair of utterance and symbol begins, and the
        utterances and symbols of these pairs.
        """
        V = self.symbols.max() + 1
        pairs = (np.arange(self.symbols.shape[1]) * V + self.symbols).ravel()
        order = pairs.argsort(kind="stable")
        pairs = pairs[order]
        starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]]))
        return order, starts, *divmod(pairs[starts], V)

    def symbol_table(self, like):
        """Return which states have which symbol, as arrays on the device of `like`.

        The columns are the distinct symbols of each utterance, at most D. Returns the table
        (N, S, D), 1 where a state has the symbol and else 0; and utterance, column and symbol of
        each pair of utterance and symbol.
        """
        xp, (S, N) = get_array_module(like), self.symbols.shape
        order, starts, n, symbols = self.sort_by_symbol()
        column = np.arange(len(n)) - np.searchsorted(n, n)  # the pairs are sorted by utterance
        table = np.zeros((N, S, column.max() + 1))
        states, utterances = np.divmod(order, N)
        table[utterances, states, column.repeat(np.diff(starts, append=S * N))] = 1
        return [xp.asarray(a) for a in (table, n, column, symbols)]
