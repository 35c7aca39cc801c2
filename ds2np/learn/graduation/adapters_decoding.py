"""Adapters from the reader's answers of chapter 09 to the package's decoding.

They are like those in `ds2np.learn.graduation.adapters`.
"""

import math
import weakref

import numpy as np

from ds2np.decode import BeamDecoder
from ds2np.decode.beam import RIVALS
from ds2np.decode.candidates import choose_symbols, find_frames, pack_frames
from ds2np.decode.scorers import WordScorer
from ds2np.decode.search import PENALTY_ROOM
from ds2np.evaluate.tuning import count_errors, rank_pairs
from ds2np.lm import NGram, kneser_ney
from ds2np.lm.tables import BOS, EOS, MAX_WORDS, SHIFT, SPECIAL, UNK


def prefix_step_by(answer):
    """Search the utterances one after another, each by the answer's steps."""
    original = BeamDecoder.search

    def search(self, log_probs, lengths):
        if not (isinstance(self.scorer, WordScorer) and self.lm) or self.scorer.closed:
            return original(self, log_probs, lengths)
        log_probs, lengths = pack_frames(log_probs, find_frames(log_probs, lengths, self.certain))
        judge = _Judge(self)
        rows = zip(log_probs, lengths, strict=True)
        return [_search(answer, self, judge, row[:length]) for row, length in rows]

    return original, search


def _search(answer, decoder, judge, log_probs):
    """Return the symbols and scores of the best texts of one utterance (T, V)."""
    chosen = choose_symbols(log_probs, decoder.cumulative, decoder.candidates)
    size = 2 * decoder.beam  # as in `BeamDecoder.start`
    # As far below the best as the package follows a word that it does not know.
    limit = max(decoder.threshold, PENALTY_ROOM - decoder.scorer.penalty)
    beams, scale = {(): (1.0, 0.0)}, 0.0
    for y in np.where(chosen, np.exp(log_probs, dtype=np.float64), 0.0):
        beams = _join_spaces(answer(beams, y), decoder.space)
        scores = {
            prefix: math.log(sum(both)) + judge.prefix(prefix) for prefix, both in beams.items()
        }
        kept = sorted(scores, key=scores.get, reverse=True)[:size]
        least = scores[kept[0]] - limit
        kept = [prefix for prefix in kept if scores[prefix] >= least]
        largest = max(sum(beams[prefix]) for prefix in kept)
        beams = {prefix: tuple(p / largest for p in beams[prefix]) for prefix in kept}
        scale += math.log(largest)
    ends = {}  # "a" and "a " are one text
    for prefix, both in beams.items():
        text = prefix[:-1] if prefix and prefix[-1] == decoder.space else prefix
        if not decoder.alphabet.is_unique:  # one text in several spellings, too
            text = tuple(decoder.alphabet.encode(decoder.alphabet.decode(text)).tolist())
        ends[text] = ends.get(text, 0.0) + sum(both)
    earned = decoder.scorer.score_texts([decoder.alphabet.decode(text) for text in ends])
    found = [
        (list(text), scale + math.log(p) + float(more))
        for (text, p), more in zip(ends.items(), earned, strict=True)
    ]
    return sorted(found, key=lambda one: -one[1])[: max(RIVALS, decoder.n_best)]


def _join_spaces(beams, space):
    """Take out the spaces that change nothing: at the beginning, and after a space.

    Only the last symbol of a prefix may be new.
    """
    joined = {}
    for prefix, (p_b, p_n) in beams.items():
        if space and prefix and prefix[-1] == space and prefix[-2:-1] in ((), (space,)):
            prefix = prefix[:-1]
        before_b, before_n = joined.get(prefix, (0.0, 0.0))
        joined[prefix] = before_b + float(p_b), before_n + float(p_n)
    return joined


class _Judge:
    """What the prefixes of a search earn besides their probability; each is computed once.

    The words that have ended earn what the language model and beta give, without the end of the
    text; a word that no known one begins with is paid for at once, as in the package's search.
    """

    def __init__(self, decoder):
        self._decoder, self._scorer = decoder, decoder.scorer
        self._space = decoder.alphabet.decode([decoder.space])
        words = decoder.scorer.words
        self._begun = {word[:end] for word in words for end in range(len(word) + 1)}
        self._of_prefix, self._of_words = {}, {}

    def prefix(self, prefix):
        """Return the logarithm of what a prefix, a tuple of symbols, has earned so far."""
        if prefix not in self._of_prefix:
            ended, _, begun = self._decoder.alphabet.decode(prefix).rpartition(self._space)
            if ended not in self._of_words:
                self._of_words[ended] = self._words(ended.split())
            penalty = 0.0 if begun in self._begun else self._scorer.penalty
            self._of_prefix[prefix] = self._of_words[ended] + penalty
        return self._of_prefix[prefix]

    def _words(self, words):
        (logp,) = self._decoder.lm.score_all([words])
        earned = self._scorer.alpha * math.fsum(logp[:-1]) + self._scorer.beta * len(words)
        return earned + self._scorer.unknown_units(words)


def discounts_by(answer):
    """Take the discounts from the answer, and why they are the usual ones from the package."""
    original = kneser_ney.discounts

    def discounts(adjusted):
        D = answer(adjusted)
        return np.array([0.0, *map(float, D)]), original(adjusted)[1]

    return original, discounts


def backoff_logp_by(answer):
    """Score sentences word by word; the same word after the same words, once for each model."""
    known = weakref.WeakKeyDictionary()  # NGram -> what `_list_ngrams` returns, and the scores

    def score_all(self, sentences):
        if self not in known:
            known[self] = *_list_ngrams(self), {}
        logp, backoff, scores = known[self]

        def score(word, history):
            if (word, history) not in scores:
                scores[word, history] = float(answer(word, history, logp, backoff))
            return scores[word, history]

        all_scores = []
        for sentence in sentences:
            words = [w if w in self.numbers else SPECIAL[UNK] for w in sentence]
            words = [SPECIAL[BOS], *words, SPECIAL[EOS]]
            first = [max(i - self.order + 1, 0) for i in range(len(words))]
            asked = [(words[i], tuple(words[first[i] : i])) for i in range(1, len(words))]
            all_scores.append(np.array([score(*one) for one in asked]))
        return all_scores

    return NGram.score_all, score_all


def _list_ngrams(lm):
    """Return log10 p and log10 gamma of a model's n-grams: dicts from tuple of str."""
    t = lm.tables
    ngrams = [(), *((word,) for word in lm.words)]
    for key in t.key.tolist():  # an n-gram stands behind its context
        ngrams.append((*ngrams[key >> int(SHIFT)], lm.words[key & (MAX_WORDS - 1)]))
    logp = dict(zip(ngrams, t.logp.tolist(), strict=True))
    backoff = dict(zip(ngrams, t.back.tolist(), strict=True))
    del logp[()], backoff[()]
    for ngram in ngrams[t.starts[-2] :]:
        del backoff[ngram]  # those of the highest order are no histories
    return logp, backoff


def best_weights_by(answer):
    """Take the pair from the answer; the errors of all pairs are the package's."""

    def rank(candidates, alphas, betas):
        errors = count_errors(candidates, alphas, betas)
        acoustic = _pad([c.acoustic for c in candidates], -np.inf)  # never the best
        lm = _pad([c.lm for c in candidates])
        words, edits = (
            _pad([np.rint(column).astype(int) for column in columns])
            for columns in zip(*((c.words, c.edits) for c in candidates), strict=True)
        )
        grid = list(map(float, alphas)), list(map(float, betas))
        alpha, beta = answer(acoustic, lm, words, edits, *grid)
        return errors, (float(alpha), float(beta))

    return rank_pairs, rank


def _pad(rows, value=0):
    """Stack arrays (K,) to (N, most K)."""
    table = np.full((len(rows), max(map(len, rows))), value, np.result_type(*rows))
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table


ADAPTERS = {
    "prefix_step": prefix_step_by,
    "discounts": discounts_by,
    "backoff_logp": backoff_logp_by,
    "best_weights": best_weights_by,
}
