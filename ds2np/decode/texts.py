"""The exact probability of a text, and where its symbols are: what the search leaves approximate.

A beam loses probability whenever a prefix falls out for some frames, so that its score is a lower
bound. Here the recursion of CTC runs once more over the whole recording, for all texts at once.

log p(y | x) is of all paths that are read as y: as elsewhere, spaces at the beginning, at the end
and after spaces do not count. So the lattice begins and ends with a space that may be missing, and
from the blank after a space the space may be entered again.
"""

import numpy as np

RESCALED = 4  # frames between divisions by the largest: linear numbers reach over 700 nats
BLOCK = 1 << 17  # emissions that are looked up together
_MOVES = np.array([0, 1, 2, -1])  # from the state before: stay, go on, skip a blank, go back


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
    emissions = _Emissions(log_probs, lattice, utterances[order])
    alpha = np.zeros(lattice.symbols.shape)
    for t in range(int(frames.max(initial=0))):
        n = active[t]
        reach = min(lattice.symbols.shape[1], 2 * t + 4)  # states that a path may have come to
        y = emissions.at(t, n)[:, :reach]
        if t:
            before = alpha[:n, :reach]
            # alpha(s) + alpha(s - 1) + [skip] alpha(s - 2) + [again] alpha(s + 1)
            into = before.copy()
            into[:, 1:] += before[:, :-1]
            into[:, 2:] += lattice.skip[:n, 2:reach] * before[:, :-2]
            if space:
                into[:, :-1] += lattice.again[:n, : reach - 1] * before[:, 1:]
            into *= y
        else:
            into = lattice.starts[:n, :reach] * y
        if t % RESCALED == 0:
            best = into.max(axis=1)  # a maximum is the same however wide the batch
            best[best == 0] = 1.0
            into /= best[:, None]
            scale[:n] += np.log(best)
        alpha[:n, :reach] = into
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
    places : ndarray of int of shape (R, T)
        For each frame the place in the text of its symbol, -1 for blanks, for the spaces around the
        text and for padding.
    possible : ndarray of bool of shape (R,)
        Whether there is such a path.
    """
    order, frames, lattice, active = _sort(lengths, utterances, texts, space)
    T, (R, S) = int(frames.max(initial=0)), lattice.symbols.shape
    emissions = _Emissions(log_probs, lattice, utterances[order], logs=True)
    # Before each frame, with two impossible states on the left and one on the right.
    score = np.full((T + 1, R, S + 3), -np.inf, log_probs.dtype)
    skip, again = (
        np.where(allowed, 0.0, -np.inf).astype(log_probs.dtype)
        for allowed in (lattice.skip, lattice.again)
    )
    if T:
        score[0, :, 2:-1][lattice.starts] = 0.0
    for t in range(T):
        n = active[t]
        reach = min(S, 2 * t + 4)  # states that a path may have come to
        before, after = score[t, :n, : reach + 3], score[t + 1, :n, 2 : reach + 2]
        np.copyto(after, before[:, 2:-1])
        if t:
            np.maximum(after, before[:, 1:-2], out=after)
            np.maximum(after, before[:, :-3] + skip[:n, :reach], out=after)
            if space:
                np.maximum(after, before[:, 3:] + again[:n, :reach], out=after)
        after += emissions.at(t, n)[:, :reach]
    rows = np.arange(R)
    ends = np.where(lattice.finals, score[frames, rows, 2:-1], -np.inf)
    state = ends.argmax(axis=1)
    possible = (frames > 0) & (ends.max(axis=1) > -np.inf)
    states = np.zeros((R, T), np.int64)
    for t in range(T - 1, -1, -1):
        n = active[t]
        now = state[:n]
        states[:n, t] = now
        if t:
            of = rows[:n]
            before = score[t]
            ways = [before[of, now + 2], before[of, now + 1], before[of, now] + skip[of, now]]
            ways.append(before[of, now + 3] + again[of, now])
            now -= _MOVES[np.argmax(ways, axis=0)]
    places = np.where(states % 2 == 1, states // 2 - (space > 0), -1)
    written = np.array([len(texts[i]) for i in order])
    places[places >= written[:, None]] = -1
    back = np.argsort(order)
    return places[back], possible[back]


def _sort(lengths, utterances, texts, space):
    """Sort texts by falling length of their utterances; return also how many have each frame."""
    frames = np.asarray(lengths)[utterances]
    order = np.argsort(-frames, kind="stable")
    frames = frames[order]
    active = np.searchsorted(-frames, -np.arange(frames.max(initial=0)), side="left")
    return order, frames, TextLattice([texts[i] for i in order], space), active


class _Emissions:
    """The probability, or its logarithm, of each state's symbol in each frame; 0 in padding.

    Some frames are looked up at a time: calls are dear for short texts, memory for long ones.
    """

    def __init__(self, log_probs, lattice, utterances, logs=False):
        self.log_probs, self.logs = log_probs.reshape(-1), logs
        self.T, self.V = log_probs.shape[1:]
        self.places = utterances[:, None] * (self.T * self.V) + lattice.symbols
        self.padding = np.where(lattice.real, 0.0, -np.inf)
        if logs:
            self.padding = self.padding.astype(log_probs.dtype)
        self.first = self.stop = 0

    def at(self, t, n):
        """Return those of the first n texts in frame t, (n, S); t must not fall."""
        if t >= self.stop:
            frames = max(1, BLOCK // max(1, self.places[:n].size))
            self.first, self.stop = t, min(t + frames, self.T)
            shifts = np.arange(t, self.stop)[:, None, None] * self.V
            y = self.log_probs.take(self.places[:n] + shifts) + self.padding[:n]
            self.block = y if self.logs else np.exp(y)
        return self.block[t - self.first, :n]
