"""The exact probability of a text, and where its symbols are: what the search leaves approximate.

A beam loses probability whenever a prefix falls out for some frames, so that its score is a lower
bound. Here the recursion of CTC runs once more over the whole recording, for all texts at once.

log p(y | x) is of all paths that are read as y: as elsewhere, spaces at the beginning, at the end
and after spaces do not count. So the lattice begins and ends with a space that may be missing, and
from the blank after a space the space may be entered again.
"""

import numpy as np


class TextLattice:
    """The states of R texts, a blank before and after each symbol, as arrays (R, S).

    Parameters
    ----------
    texts : list of list of int
        Symbols, with single spaces inside.
    space : int
        0 if no symbol separates words.
    """

    def __init__(self, texts, space):
        self.space = space
        edge = [space] if space else []
        labels = [edge + list(text) + edge if text else edge for text in texts]
        n = np.array([len(each) for each in labels])
        empty = np.array([not text for text in texts])
        R, S = len(texts), 2 * int(n.max(initial=0)) + 1
        state = np.arange(S)
        self.symbols = np.zeros((R, S), np.int64)
        odd = self.symbols[:, 1::2]
        odd[np.arange(odd.shape[1]) < n[:, None]] = [i for each in labels for i in each]
        self.real = state < (2 * n + 1)[:, None]
        symbols = self.symbols
        self.skip = np.zeros((R, S), bool)
        self.skip[:, 2:] = (symbols[:, 2:] != 0) & (symbols[:, 2:] != symbols[:, :-2])
        self.again = np.zeros((R, S), bool)
        if space:  # the first blank would be the third once more
            self.real[:, 0] = False
            self.again[:, :-1] = (symbols[:, :-1] == space) & self.real[:, 1:]
        first, ends = (3, 4) if space else (1, 2)
        self.starts = (state <= np.where(empty, first - 1, first)[:, None]) & self.real
        self.finals = (state > (2 * n - np.where(empty, ends // 2, ends))[:, None]) & self.real


def exact_log_probs(log_probs, lengths, utterances, texts, space):
    """Compute log p(text | x) of many texts, (R,) float64, -inf where it is impossible.

    Parameters
    ----------
    log_probs : ndarray of shape (N, T, V)
    lengths : ndarray of int of shape (N,)
    utterances : ndarray of int of shape (R,)
        The utterance of each text.
    texts, space
        See `TextLattice`.
    """
    order, frames, lattice, active = _sort(lengths, utterances, texts, space)
    scale = np.zeros(len(texts))
    alpha = np.zeros(lattice.symbols.shape)
    for t in range(int(frames.max(initial=0))):
        n = active[t]
        y = _emissions(log_probs, lattice, utterances[order], n, t)
        if t:
            before = alpha[:n]
            into = (
                before.copy()
            )  # alpha(s) + alpha(s - 1) + [skip] alpha(s - 2) + [again] alpha(s + 1)
            into[:, 1:] += before[:, :-1]
            into[:, 2:] += lattice.skip[:n, 2:] * before[:, :-2]
            if space:
                into[:, :-1] += lattice.again[:n, :-1] * before[:, 1:]
            into *= y
        else:
            into = lattice.starts[:n] * y
        best = into.max(axis=1)  # a maximum is the same however wide the batch
        best[best == 0] = 1.0
        alpha[:n] = into / best[:, None]
        scale[:n] += np.log(best)
    total = np.cumsum(np.where(lattice.finals, alpha, 0.0), axis=1)[:, -1]  # in order of states
    total[frames == 0] = [not texts[i] for i in order[frames == 0]]
    result = np.empty(len(texts))
    with np.errstate(divide="ignore"):
        result[order] = np.log(total) + scale
    return result


def align(log_probs, lengths, utterances, texts, space):
    """Find the most probable path that is read as each text.

    Parameters and order are those of `exact_log_probs`.

    Returns
    -------
    list of ndarray of int of shape (frames,)
        For each text the position in it of the symbol of each frame, -1 for blanks and for the
        spaces around it; None if no path is possible.
    """
    order, frames, lattice, active = _sort(lengths, utterances, texts, space)
    T, (R, S) = int(frames.max(initial=0)), lattice.symbols.shape
    moves = np.zeros((T, R, S), np.int8)
    score = np.full((R, S), -np.inf)
    rows = np.arange(R)
    for t in range(T):
        n = active[t]
        with np.errstate(divide="ignore"):
            y = np.log(_emissions(log_probs, lattice, utterances[order], n, t))
        if t:
            ways = np.full((4, n, S), -np.inf)
            ways[0] = score[:n]
            ways[1, :, 1:] = score[:n, :-1]
            ways[2, :, 2:][lattice.skip[:n, 2:]] = score[:n, :-2][lattice.skip[:n, 2:]]
            ways[3, :, :-1][lattice.again[:n, :-1]] = score[:n, 1:][lattice.again[:n, :-1]]
            moves[t, :n] = ways.argmax(axis=0)
            score[:n] = ways.max(axis=0) + y
        else:
            score[:n] = np.where(lattice.starts[:n], y, -np.inf)
    ends = np.where(lattice.finals, score, -np.inf)
    state = ends.argmax(axis=1)
    states = np.zeros((R, T), np.int64)
    step = np.array([0, 1, 2, -1])
    for t in range(T - 1, -1, -1):
        n = active[t]
        states[:n, t] = state[:n]
        state[:n] -= step[moves[t, rows[:n], state[:n]]]
    paths = [None] * R
    for row, text in enumerate(order):
        if frames[row] and ends[row].max() == -np.inf:
            continue
        of_text = states[row, : frames[row]]
        position = np.where(of_text % 2 == 1, of_text // 2 - (space > 0), -1)
        position[position >= len(texts[text])] = -1
        paths[text] = position
    return paths


def _sort(lengths, utterances, texts, space):
    """Sort texts by falling length of their utterances; return also how many have each frame."""
    frames = np.asarray(lengths)[utterances]
    order = np.argsort(-frames, kind="stable")
    frames = frames[order]
    active = np.searchsorted(-frames, -np.arange(frames.max(initial=0)), side="left")
    return order, frames, TextLattice([texts[i] for i in order], space), active


def _emissions(log_probs, lattice, utterances, n, t):
    """Return the probability of each state's symbol in a frame, 0 in padding."""
    y = log_probs[utterances[:n, None], t, lattice.symbols[:n]].astype(np.float64)
    return np.exp(y) * lattice.real[:n]
