"""Prefix beam search: the beams of a batch, and one frame of the search.

A beam is a prefix, a text so far, with two probabilities: of its paths that end in a blank, p_b,
and of those that end in its last symbol, p_nb. In a frame with probabilities y, a prefix l with the
last symbol e stays as it is or grows by a symbol c:

    p_b(l)   <- (p_b + p_nb) y(blank)
    p_nb(l)  <- p_nb y(e)
    p_nb(lc) <- (p_b + p_nb) y(c)      or p_b y(c) if c = e, as a repeat needs a blank between

All beams of all utterances lie one after another in flat arrays, without padding. Probabilities are
linear, so that paths are added by a + and the factors of a scorer are multiplied in. Where they
become small, they are divided by the best of the utterance, whose logarithm is kept in `scale`.
"""

import numpy as np

from ds2np.decode.lexicon import EMPTY, LEFT
from ds2np.decode.prefixes import ROOT_KEY, KeySieve, PrefixTree, extend_keys
from ds2np.decode.scorers import WordScorer
from ds2np.decode.selection import select_best

# Rows of the integers of a beam.
UTTERANCE, LAST, NODE, PARENT, KEY, PARENT_KEY, LEX, STATE, NEXT = range(9)
# Rows of its floats.
BLANK, SYMBOL, ENTER, WORD_END = range(4)

PENALTY_ROOM = 2.5  # nats between the penalty of an unknown word and the threshold within it
MOST_ROOM = 300.0  # nats; more is beyond linear probabilities
SMALL = 1e-30  # probabilities below are divided by the best
MOST_THRESHOLD = 460.0  # nats; limits must not become 0


class Beams:
    """The beams of N utterances.

    Parameters
    ----------
    N : int
    space : int
        The symbol that separates words: at the beginning of a text and after a space it changes
        nothing. 0 if there is none.
    size : int
        How many beams an utterance keeps.
    threshold : float
        Beams so many nats below the best are dropped.
    scorer : Scorer or None

    Attributes
    ----------
    whole : ndarray of int64 of shape (9, M)
        Of each beam the utterance; its last symbol, the space for an empty text; its node in the
        tree of prefixes; its parent among the beams, -1 if that is not there; hashes of prefix and
        parent; its place in the lexicon; the scorer's state, and the state if its word ended here
        (with characters: the state before the last symbol).
    real : ndarray of float64 of shape (4, M)
        p_b and p_nb; the factor of the last symbol, which multiplies all that reaches the beam from
        its parent later; the factor if its word ended here, -1 if that is not known yet.
    scale : ndarray of float64 of shape (N,)
        Logarithm of what the probabilities of an utterance were divided by.
    """

    def __init__(self, N, space, size, threshold=np.inf, scorer=None):
        self.space, self.size, self.scorer = space, size, scorer
        self.floor = self._first_floor = float(np.exp(-min(threshold, MOST_THRESHOLD)))
        self.tree, self.scale = PrefixTree(N), np.zeros(N)
        utterances = np.arange(N)
        self.whole = np.zeros((9, N), np.int64)
        self.whole[UTTERANCE] = self.whole[NODE] = utterances
        self.whole[LAST], self.whole[PARENT], self.whole[LEX] = space, -1, EMPTY
        self.whole[KEY] = extend_keys(np.full(N, ROOT_KEY), utterances)
        self.whole[STATE] = scorer.begin if scorer else 0
        self.real = np.zeros((4, N))
        self.real[BLANK], self.real[ENTER], self.real[WORD_END] = 1.0, 1.0, -1.0
        self.begins = self._utterances = utterances  # where the beams of each utterance begin
        # An unknown word is paid for at once, before the frames can show that its rivals are wrong.
        room = PENALTY_ROOM - scorer.penalty - threshold if scorer else 0.0
        if scorer:
            self._first_floor /= scorer.most
        self._patience = float(np.exp(min(max(room, 0.0), MOST_ROOM)))
        self._sieve = KeySieve()
        self._ended = []  # of utterances that have ended: where they were cut off, and their beams

    def keep(self, n):
        """Go on with the first n utterances; the others have ended."""
        if n < len(self.begins):
            cut = self.begins[n]
            self._ended.append((cut, self.whole[:, cut:], self.real[:, cut:]))
            self.whole, self.real = self.whole[:, :cut], self.real[:, :cut]
            self.begins, self._utterances = self.begins[:n], self._utterances[:n]

    def finish(self):
        """End all utterances; return their beams, arrays as `whole` and `real`."""
        pieces = [(0, self.whole, self.real), *reversed(self._ended)]
        at = 0
        for cut, whole, _ in pieces:
            whole[PARENT] += np.where(whole[PARENT] >= 0, at - cut, 0)
            at += whole.shape[1]
        _, whole, real = zip(*pieces, strict=True)
        return np.concatenate(whole, axis=1), np.concatenate(real, axis=1)

    def step(self, frame):
        """Extend all beams by one frame, `Candidates`."""
        whole, real = self.whole, self.real
        utterance, last, parent = whole[UTTERANCE], whole[LAST], whole[PARENT]
        p_b, p_nb, enter = real[BLANK], real[SYMBOL], real[ENTER]
        M, C, V = len(utterance), frame.symbols.shape[1], frame.log_probs.shape[1]
        total = p_b + p_nb

        # A row for each beam: as it is, then with each symbol. The last row is for "no parent", -1.
        scores = np.zeros((M + 1, C))
        frame.probabilities.take(utterance, axis=0, out=scores[:M], mode="clip")
        scores[:M] *= total[:, None]
        grown = scores.reshape(-1)  # p_nb(lc) = (p_b + p_nb) y(c)
        blanks = scores[:M, 0].copy()

        # The last symbol of each beam: a repeat needs a blank between, a space no second one.
        spot = utterance * V
        spot += last
        rank = frame.ranks.take(spot)
        y_last = np.exp(frame.log_probs.take(spot).astype(np.float64))
        stays, repeats = p_nb * y_last, p_b * y_last
        in_space = (last == self.space).nonzero()[0]  # 0 without a space: in an empty text
        if len(in_space):
            stays[in_space] = total[in_space] * y_last[in_space] if self.space else 0.0
            repeats[in_space] = 0.0
        # Rank 0, of symbols that are not looked at, is written to the first column: it counts not.
        grown[np.arange(0, M * C, C) + rank] = repeats
        scores[:, 0] = 0.0
        # A beam whose parent is in the beam, too, gets what the parent would grow into it.
        at = parent * C
        at += rank
        into = grown[at]
        into *= enter
        stays += into
        grown[at] = 0.0
        unchanged = blanks + stays
        scores[:M, 0] = unchanged

        # What stays is certain: what is hopeless beside it is not scored, unless a factor above 1
        # might lift it.
        limit = np.maximum.reduceat(unchanged, self.begins)
        limit = (limit * self._first_floor)[utterance]
        kept = (scores[:M] >= limit[:, None]).reshape(-1).nonzero()[0]
        source = kept // C
        scores, of = grown[kept], utterance[source]
        symbol = frame.symbols.take(kept + (of - source) * C)
        gain, mark = None, None
        if self.scorer:
            gain, mark = self._score(source, symbol)
            scores *= gain
        first = of.searchsorted(self._utterances)
        best = np.maximum.reduceat(scores, first)
        small = np.minimum.reduce(best) < SMALL
        if small and not best.all():
            # No prefix explains the frame: it is passed over.
            lost = best == 0
            blanks, stays = np.where(lost[utterance], [total, 0.0 * total], [blanks, stays])
            scores = np.where(lost[of] & (symbol == 0), total[source], scores)
            best = np.maximum.reduceat(scores, first)
        judged = scores
        unknown = (mark <= LEFT).nonzero()[0] if self._patience > 1 else ()
        if len(unknown):
            judged = scores.copy()
            judged[unknown] *= self._patience
        good = (judged >= (best * self.floor)[of]).nonzero()[0]
        if len(good) > self.size:
            counts = np.bincount(of[good])
            if counts.max() > self.size:
                good = good[select_best(scores[good], counts, self.size)]
        if self.scorer:
            gain, mark = gain[good], mark[good]
        kept = source[good], symbol[good], scores[good]
        self._renew(*kept, blanks, stays, gain, mark)
        if small:
            self._scale(best)

    def _score(self, source, symbol):
        """Return the factors of the scorer, and places in the lexicon or states after a symbol."""
        scorer = self.scorer
        if isinstance(scorer, WordScorer):
            gain, lex = scorer.extend(self.whole[LEX][source], symbol)
            closes = (symbol == self.space).nonzero()[0]
            if len(closes):
                gain[closes] = self.end_words(source[closes])
            return gain, lex
        gain, state = np.ones(len(source)), self.whole[STATE][source]
        grown = symbol.nonzero()[0]
        gain[grown], state[grown] = scorer.symbol(state[grown], symbol[grown])
        return gain, state

    def end_words(self, beams):
        """Return the factors of some beams, each once, if their words ended; they are kept."""
        gain = self.real[WORD_END][beams]
        new = (gain < 0).nonzero()[0]
        if len(new):
            of = beams[new]
            gain[new], self.whole[NEXT, of] = self.scorer.word_end(
                self.whole[LEX][of], self.whole[STATE][of]
            )
            self.real[WORD_END, of] = gain[new]
        return gain

    def _renew(self, source, symbol, scores, blanks, stays, gain, mark):
        """Make the beams of the next frame from their sources and symbols, 0 where one stays."""
        grown, kept = symbol.nonzero()[0], (symbol == 0).nonzero()[0]
        whole, real = self.whole.take(source, axis=1), self.real.take(source, axis=1)
        utterance, last, node, parent, key, parent_key, lex, state, after = whole
        stayed = source[kept]
        real[SYMBOL], real[BLANK] = scores, 0.0
        real[SYMBOL][kept], real[BLANK][kept] = stays[stayed], blanks[stayed]
        moved = np.empty(len(self.whole[0]) + 1, np.int64)  # where each beam is now, or "no parent"
        moved.fill(-1)
        moved[stayed] = kept
        parent = moved[parent]
        if len(grown):
            parent[grown] = moved[source[grown]]
            longer, before = symbol[grown], key[grown]
            keys = extend_keys(before, longer)
            parent_key[grown], key[grown], last[grown] = before, keys, longer
            node[grown] = self.tree.add(node[grown], longer)
            if self.scorer:
                real[ENTER][grown], real[WORD_END][grown] = gain[grown], -1.0
                if isinstance(self.scorer, WordScorer):
                    lex[grown] = mark[grown]
                    ended = grown[longer == self.space]
                    state[ended] = after[ended]
                else:
                    after[grown], state[grown] = state[grown], mark[grown]
            # A prefix that fell out may have come back to those that grew from it.
            found, among = self._sieve.find(parent_key, keys)
            parent[found] = grown[among]
        whole[PARENT] = parent
        self.whole, self.real = whole, real
        if len(self.begins) > 1:
            self.begins = utterance.searchsorted(self._utterances)

    def _scale(self, best):
        """Divide the probabilities of utterances whose best beam has become small by it."""
        best[best >= SMALL] = 1.0
        self.real[:ENTER] /= best[self.whole[UTTERANCE]]
        self.scale[: len(best)] += np.log(best)
