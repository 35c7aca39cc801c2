"""The exact probability of a text, and where its symbols are: what the search leaves approximate.

A beam loses probability whenever a prefix falls out for some frames, so that its score is a lower
bound. Here the recursion of CTC runs once more over the whole recording, for all texts at once.

log p(y | x) is of all paths that are read as y: as elsewhere, spaces at the beginning, at the end
and after spaces do not count. So the lattice begins and ends with a space that may be missing, and
from the blank after a space the space may be entered again.
"""

import itertools

import numpy as np

RESCALED = 4  # frames between divisions by the largest: linear numbers reach over 700 nats


class TextLattice:
    """The states of R texts with K labels at most: blanks B(0) to B(K), and labels L(1) to L(K).

    Arrays have a row for each text and K + 1 columns. B(k) stands behind L(k); column 0 of the
    labels is for "no label".

    Parameters
    ----------
    texts : list of list of int
        Symbols, with single spaces inside.
    space : int
        0 if no symbol separates words.

    Attributes
    ----------
    labels : ndarray of int64 of shape (R, K + 1)
        0 in column 0 and in padding.
    skip, again : ndarray of bool of shape (R, K + 1)
        Whether a label may follow the label before it directly, and whether it may be entered from
        the blank behind it.
    real, starts, finals : ndarray of bool of shape (2, R, K + 1)
        Of labels and of blanks: those of the text, where paths begin, and where they end.
    """

    def __init__(self, texts, space):
        edge = [space] if space else []
        labels = [edge + list(text) + edge if text else edge for text in texts]
        n = np.array([len(each) for each in labels])[:, None]
        edges = np.array([bool(space and text) for text in texts])[:, None]  # they may be missing
        column = np.arange(int(n.max(initial=0)) + 1)
        within = (column > 0) & (column <= n)
        self.labels = np.zeros(within.shape, np.int64)
        self.labels[within] = list(itertools.chain.from_iterable(labels))
        self.skip = within & (column > 1)
        self.skip[:, 1:] &= self.labels[:, 1:] != self.labels[:, :-1]
        self.again = within & (self.labels == space)
        # Before a space at the beginning there is no blank: the one behind it does the same.
        blanks = within if space else column <= n
        self.real = np.array([within, blanks])
        self.starts = self.real & [column <= 1 + edges, np.tile(column <= bool(space), (len(n), 1))]
        self.finals = self.real & (column >= n - edges)


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
    order, frames, lattice = _sort(lengths, utterances, texts, space)
    emissions = _Emissions(log_probs, lattice, utterances[order], linear=True)
    R, W = lattice.labels.shape
    # Row after row in flat arrays, so that x[:-1] is what x[1:] has on its left. What runs over
    # from a row into the next one comes to column 0 of the labels, whose probability is 0.
    label, blank = np.zeros((2, R * W + 1))
    label[1:], blank[1:] = lattice.starts.reshape(2, -1)
    skip, again = (allowed.ravel().astype(np.float64) for allowed in (lattice.skip, lattice.again))
    real, scale = lattice.real.astype(np.float64), np.zeros(R)
    for first, stop, n in _stretches(frames):
        m = n * W
        L, B, left_L, left_B = label[1 : m + 1], blank[1 : m + 1], label[:m], blank[:m]
        both = L.reshape(n, W), B.reshape(n, W)
        can_skip, can_return = skip[:m], again[:m]
        for t in range(first, stop):
            y, y_blank = emissions.at(t, n)
            if t:
                # L(k) <- y(k) (L(k) + B(k - 1) + [skip] L(k - 1) + [again] B(k))
                into = can_skip * left_L
                into += L
                into += left_B
                if space:
                    into += can_return * B
                B += L  # B(k) <- y(blank) (B(k) + L(k))
                np.multiply(into, y, out=L)
            else:
                L *= y
            both[1][:] *= y_blank
            if t % RESCALED == 0:
                for each, mask in zip(both, real[:, :n], strict=True):
                    each *= mask  # without what has run into the padding
                # A maximum is the same however wide the batch.
                best = np.maximum(both[0].max(axis=1), both[1].max(axis=1))
                best[best == 0] = 1.0
                for each in both:
                    each /= best[:, None]
                scale[:n] += np.log(best)
    ends = np.array([label[1:], blank[1:]]).reshape(2, R, W) * lattice.finals
    total = np.cumsum(ends.sum(axis=0), axis=1)[:, -1]  # column by column
    total[frames == 0] = [not texts[i] for i in order[frames == 0]]
    result = np.empty(R)
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
    order, frames, lattice = _sort(lengths, utterances, texts, space)
    emissions = _Emissions(log_probs, lattice, utterances[order])
    (R, W), T = lattice.labels.shape, int(frames.max(initial=0))
    size = R * W + 1
    # Ways into a state: from itself, from the blank or label on its left; into labels also from the
    # label on their left and from the blank behind them. -inf where there is none.
    bars = np.zeros((4, 2 * size), log_probs.dtype)
    bars[2, 1:size][~lattice.skip.ravel()] = -np.inf
    bars[3, 1:size][~lattice.again.ravel()] = -np.inf
    score = _score_paths(emissions, lattice, frames, bars[2:, 1:size], space > 0)
    begins = 1 + W * np.arange(R)
    ends = np.full((R, 2, W), -np.inf)
    if T:
        of_text = begins[:, None] + np.arange(W)
        rows = (frames - 1)[:, None, None], np.arange(2)[:, None], of_text[:, None]
        np.copyto(ends, score[rows], where=lattice.finals.transpose(1, 0, 2))
    possible = (frames > 0) & (ends.max(axis=(1, 2)) > -np.inf)
    best = ends.reshape(R, 2 * W).argmax(axis=1)
    states = _trace(score, bars, frames, begins + best % W + size * (best // W))
    places = np.where(states < size, states - begins - (2 if space else 1), -1).T
    written = np.array([len(texts[i]) for i in order])
    places[(places < 0) | (places >= written[:, None])] = -1
    back = np.argsort(order)
    return places[back], possible[back]


def _score_paths(emissions, lattice, frames, bars, can_return):
    """Return the best paths to each label and each blank after each frame, (T, 2, R * W + 1)."""
    (R, W), T = lattice.labels.shape, int(frames.max(initial=0))
    score = np.full((T, 2, R * W + 1), -np.inf, bars.dtype)
    for first, stop, n in _stretches(frames):
        m = n * W
        no_skip, no_return = bars[:, :m]
        for t in range(first, stop):
            L, B = score[t, :, 1 : m + 1]
            y, y_blank = emissions.at(t, n)
            if t:
                before_L, before_B = score[t - 1]
                np.add(before_L[:m], no_skip, out=L)
                np.maximum(L, before_L[1 : m + 1], out=L)
                np.maximum(L, before_B[:m], out=L)
                if can_return:
                    np.maximum(L, before_B[1 : m + 1] + no_return, out=L)
                np.maximum(before_B[1 : m + 1], before_L[1 : m + 1], out=B)
            else:
                score[t, :, 1:][lattice.starts.reshape(2, -1)] = 0.0
            L += y
            B.reshape(n, W)[:] += y_blank
    return score


def _trace(score, bars, frames, state):
    """Follow the best paths back from the states (R,) where they end; return the states (T, R)."""
    T, _, size = score.shape
    place = np.arange(size)
    origins = np.zeros((4, 2, size), np.int64)  # 0 is impossible
    origins[:2] = [[place, size + place], [size + place - 1, place]]
    origins[2:, 0] = place - 1, size + place
    origins = origins.reshape(4, -1)
    states = np.full((T, len(state)), size)
    for first, stop, n in reversed(list(_stretches(frames))):
        now, rows = state[:n], np.arange(n)
        for t in range(stop - 1, first - 1, -1):
            states[t, :n] = now
            if t:
                ways = origins.take(now, axis=1)
                came = score[t - 1].reshape(-1)[ways]
                came += bars.take(now, axis=1)
                now[:] = ways[came.argmax(axis=0), rows]
    return states


def _sort(lengths, utterances, texts, space):
    """Sort texts by falling length of their utterances."""
    frames = np.asarray(lengths)[utterances]
    order = np.argsort(-frames, kind="stable")
    return order, frames[order], TextLattice([texts[i] for i in order], space)


def _stretches(frames):
    """Yield first frame, end and number of texts wherever texts end; `frames` falls."""
    counts = np.flatnonzero(frames > np.append(frames[1:], 0)) + 1
    first = 0
    for n in counts[::-1].tolist():
        stop = int(frames[n - 1])
        yield first, stop, n
        first = stop


class _Emissions:
    """The log-probabilities of each text's symbols; with `linear` probabilities, in float64."""

    def __init__(self, log_probs, lattice, utterances, linear=False):
        self.flat, (T, self.V) = log_probs.reshape(-1), log_probs.shape[1:]
        places = lattice.labels + (utterances * (T * self.V))[:, None]
        self.W, self.places = places.shape[1], places.ravel()
        self.linear, self.impossible = linear, 0.0 if linear else -np.inf
        self.known = linear and log_probs.size < T * places.size  # computed once for all texts
        if self.known:
            with np.errstate(all="ignore"):  # padding may hold anything
                self.flat = np.exp(self.flat, dtype=np.float64)

    def at(self, t, n):
        """Return those of the first n texts in frame t: labels, flat, and blanks, (n, 1)."""
        y = self.flat[t * self.V :][self.places[: n * self.W]]
        if self.linear and not self.known:
            y = np.exp(y, dtype=np.float64)
        rows = y.reshape(n, self.W)
        blank = rows[:, :1].copy()
        rows[:, 0] = self.impossible
        return y, blank
