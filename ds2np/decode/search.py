"""Prefix beam search: the beams of a batch, and one frame of the search.

A beam is a prefix, a text so far, with two probabilities: of its paths that end in a blank, p_b,
and of those that end in its last symbol, p_nb. In a frame with probabilities y, a prefix l with the
last symbol e stays as it is or grows by a symbol c:

    p_b(l)   <- (p_b + p_nb) y(blank)
    p_nb(l)  <- p_nb y(e)
    p_nb(lc) <- (p_b + p_nb) y(c)      or p_b y(c) if c = e, as a repeat needs a blank between

All beams of all utterances lie one after another in flat arrays, without padding. Probabilities are
linear, divided in each frame by the best of the utterance (its logarithm is kept in `scale`), so
that paths are added by a + and the factors of a scorer are multiplied in.
"""

import numpy as np

from ds2np.decode.lexicon import EMPTY, OUTSIDE
from ds2np.decode.prefixes import ROOT_KEY, KeySieve, PrefixTree, extend_keys
from ds2np.decode.scorers import WordScorer
from ds2np.decode.selection import select_best

# Rows of the integers of a beam.
UTTERANCE, LAST, NODE, PARENT, KEY, PARENT_KEY, LEX, STATE, NEXT = range(9)
# Rows of its floats.
BLANK, SYMBOL, ENTER, WORD_END = range(4)

PENALTY_ROOM = 2.5  # nats between the penalty of an unknown word and the threshold within it
MOST_ROOM = 300.0  # nats; more is beyond linear probabilities


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
        self.floor = float(np.exp(-threshold))
        self.tree, self.scale = PrefixTree(N), np.zeros(N)
        utterances = np.arange(N)
        self.whole = np.zeros((9, N), np.int64)
        self.whole[UTTERANCE] = self.whole[NODE] = utterances
        self.whole[LAST], self.whole[PARENT], self.whole[LEX] = space, -1, EMPTY
        self.whole[KEY] = extend_keys(np.full(N, ROOT_KEY), utterances)
        self.whole[STATE] = scorer.begin if scorer else 0
        self.real = np.zeros((4, N))
        self.real[BLANK], self.real[ENTER], self.real[WORD_END] = 1.0, 1.0, -1.0
        self.begins = utterances  # of each utterance's beams
        # An unknown word is paid for at once, before the frames can show that its rivals are wrong.
        room = PENALTY_ROOM - scorer.penalty - threshold if scorer else 0.0
        self._patience = np.exp([0.0, min(max(room, 0.0), MOST_ROOM)])
        self._sieve = KeySieve()

    def split(self, n):
        """Keep the first n utterances; return the arrays of the others, None without any."""
        if n == len(self.begins):
            return None
        cut = self.begins[n]
        ended = self.whole[:, cut:], self.real[:, cut:]
        ended[0][PARENT] -= np.where(ended[0][PARENT] >= 0, cut, 0)
        self.whole, self.real = self.whole[:, :cut], self.real[:, :cut]
        self.begins = self.begins[:n]
        return ended

    def step(self, frame):
        """Extend all beams by one frame, `Candidates`."""
        utterance, last, _, parent = self.whole[:4]
        p_b, p_nb, enter, _ = self.real
        n, M = len(self.begins), len(utterance)
        V = frame.log_probs.shape[1]
        total = p_b + p_nb

        # One row for each beam in a flat array: the beam as it is, then with each symbol.
        width = frame.counts[utterance]
        ends = width.cumsum()
        begins = ends - width
        owner = np.arange(M).repeat(width)
        place = (frame.begins[utterance] - begins).repeat(width)
        place += np.arange(len(owner))
        symbols = frame.symbols.take(place)
        scores = frame.probabilities.take(place)
        scores *= total.take(owner)  # p_nb(lc) = (p_b + p_nb) y(c)

        # The last symbol of each beam: a repeat needs a blank between, a space no second one.
        spot = utterance * V + last
        rank = frame.ranks.take(spot)
        y_last = np.exp(frame.log_probs.take(spot).astype(np.float64))
        if self.space:
            in_space = last == self.space
            stays = np.where(in_space, total, p_nb) * y_last
            repeats = np.where(in_space, 0.0, p_b) * y_last
        else:
            stays = np.where(last == 0, 0.0, p_nb) * y_last  # 0: the text is empty
            repeats = p_b * y_last
        listed = rank.nonzero()[0]
        scores[begins.take(listed) + rank.take(listed)] = repeats.take(listed)
        # A beam whose parent is in the beam, too, gets what the parent would grow into it.
        child = listed[parent.take(listed) >= 0]
        at = begins.take(parent.take(child)) + rank.take(child)
        stays[child] += scores.take(at) * enter.take(child)
        scores[at] = 0.0
        blanks = scores.take(begins)
        unchanged = blanks + stays
        scores[begins] = unchanged

        sure = np.maximum.reduceat(unchanged, self.begins)
        if not sure.all():
            self._revive(scores, blanks, stays, begins, total)
            sure = np.maximum.reduceat(blanks + stays, self.begins)
        if self.scorer:
            kept, earned = self._score(owner, symbols, scores, sure)
        else:
            kept, earned = None, None
        best = np.maximum.reduceat(scores, begins[self.begins])
        limit = self._limits(best, owner if kept is None else owner[kept])
        good = scores if kept is None else scores[kept] * self._patience[1 * (earned[1] == OUTSIDE)]
        good = ((good >= limit) & (good > 0)).nonzero()[0]
        kept, earned = (good, None) if kept is None else (kept[good], [e[good] for e in earned])
        if len(kept) > self.size:
            counts = np.bincount(utterance[owner[kept]], minlength=n)
            if counts.max() > self.size:
                good = select_best(scores[kept], counts, self.size)
                kept, earned = kept[good], earned and [e[good] for e in earned]
        self._renew(owner[kept], symbols[kept], scores[kept], blanks, stays, best, earned)

    def _revive(self, scores, blanks, stays, begins, total):
        """Pass over a frame that no prefix of an utterance can explain: all its scores are 0."""
        best = np.maximum.reduceat(scores, begins[self.begins])
        if best.all():
            return
        lost = (best == 0)[self.whole[UTTERANCE]]
        blanks[lost], stays[lost] = total[lost], 0.0
        scores[begins[lost]] = total[lost]

    def _limits(self, best, owner):
        """Return the smallest score that is kept, for the scores of some owners."""
        limit = best * self.floor
        return limit[0] if len(limit) == 1 else limit.take(self.whole[UTTERANCE]).take(owner)

    def _score(self, owner, symbols, scores, sure):
        """Multiply the factors of the scorer in.

        What stays is certain, and what is hopeless beside it is not scored, unless a factor above 1
        might lift it. Returns the places of what remains, and for each of them factor, place in the
        lexicon, state and next state.
        """
        scorer = self.scorer
        kept = ((scores >= self._limits(sure / scorer.most, owner)) & (scores > 0)).nonzero()[0]
        owners, symbol = owner[kept], symbols[kept]
        gain = np.ones(len(kept))
        lex, state, after = self.whole[LEX : NEXT + 1, owners]
        if isinstance(scorer, WordScorer):
            lex, left = scorer.extend(lex, symbol)
            gain[left] = scorer.unknown_weight
            closes = (symbol == self.space).nonzero()[0]
            if len(closes):
                gain[closes] = self.end_words(owners[closes])
                state[closes] = self.whole[NEXT][owners[closes]]
        else:
            grown = symbol.nonzero()[0]
            after[grown] = state[grown]
            gain[grown], state[grown] = scorer.symbol(state[grown], symbol[grown])
        scores[kept] *= gain
        return kept, (gain, lex, state, after)

    def end_words(self, beams):
        """Return the factors of some beams, each once, if their words ended; they are kept."""
        new = beams[self.real[WORD_END][beams] < 0]
        if len(new):
            self.real[WORD_END, new], self.whole[NEXT, new] = self.scorer.word_end(
                self.whole[LEX][new], self.whole[STATE][new]
            )
        return self.real[WORD_END][beams]

    def _renew(self, source, symbol, scores, blanks, stays, best, earned):
        """Make the beams of the next frame from their sources and symbols, 0 where one stays."""
        n, M = len(self.begins), self.whole.shape[1]
        stay, grown = symbol == 0, symbol.nonzero()[0]
        moved = np.full(M + 1, -1)  # where each beam is now; the last is for "no parent"
        moved[source[stay]] = stay.nonzero()[0]
        whole, real = self.whole.take(source, axis=1), self.real.take(source, axis=1)
        whole[PARENT] = moved[np.where(stay, whole[PARENT], source)]
        divided = (1.0 / best)[whole[UTTERANCE]]
        real[BLANK] = np.where(stay, blanks[source], 0.0) * divided
        real[SYMBOL] = np.where(stay, stays[source], scores) * divided
        self.scale[:n] += np.log(best)
        if len(grown):
            longer = symbol[grown]
            keys = whole[KEY, grown]
            whole[PARENT_KEY, grown] = keys
            whole[KEY, grown] = keys = extend_keys(keys, longer)
            whole[NODE, grown] = self.tree.add(whole[NODE, grown], longer)
            whole[LAST, grown] = longer
            if earned:
                real[ENTER, grown] = earned[0][grown]
                real[WORD_END, grown] = -1.0
                whole[STATE, grown] = earned[2][grown]
                if earned[1] is not None:
                    whole[LEX, grown] = earned[1][grown]
                whole[NEXT, grown] = earned[3][grown]
            # A parent that fell out may have come back.
            orphans = ((whole[PARENT] < 0) & (whole[PARENT_KEY] != 0)).nonzero()[0]
            if len(orphans):
                found, among = self._sieve.find(whole[PARENT_KEY, orphans], keys)
                whole[PARENT, orphans[found]] = grown[among]
        self.whole, self.real = whole, real
        if n > 1:
            self.begins = np.searchsorted(whole[UTTERANCE], np.arange(n))
