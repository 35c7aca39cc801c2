"""Beam search with a language model: the decoder of the paper. See chapter 09.

It maximises Q(y) = log p(y | x) + alpha log p_LM(y) + beta word_count(y).
"""

from itertools import groupby

import numpy as np

from ds2np.decode.arguments import check_number, check_whole_option, read_log_probs
from ds2np.decode.candidates import find_frames, list_candidates, pack_frames
from ds2np.decode.ending import close, list_best
from ds2np.decode.fitting import check_fit
from ds2np.decode.scorers import CharacterScorer, WordScorer
from ds2np.decode.search import NODE, UTTERANCE, Beams
from ds2np.decode.texts import exact_log_probs
from ds2np.decode.timing import time_words
from ds2np.decode.words import Hypothesis
from ds2np.errors import UserError

RIVALS = 20  # texts whose exact scores are computed,
SPELLINGS = 4  # times as many are looked at where a text can be written in several ways
MARGIN = 1.5  # if their approximate ones are at most so many nats below the best
HOPELESS = 0.98  # share of an LM's words that cannot be written; the commands are stricter


class BeamDecoder:
    """Decoder by prefix beam search.

    The scores that it returns are exact: of each text that may be the best, log p(y | x) is
    computed once more without a beam, and the texts are sorted by that. A text's probability is
    that of all paths that are read as it: spaces around it and repeated ones do not count.

    Parameters
    ----------
    alphabet : Alphabet
    lm : NGram, optional
        A model of words is asked where a word ends; one of characters, after each symbol.
    beam : int
        How many prefixes are kept; the paper has 500 for English and 200 for Mandarin. With a
        model of words twice as many, as it judges a word only when it ends.
    alpha : float
        Weight of the language model.
    beta : float
        Bonus for each word, or each symbol with a model of characters, in nats. Without a language
        model alpha and beta do nothing.
    n_best : int
        How many hypotheses are returned of each utterance.
    phrases : dict of str to float, optional
        Favoured phrases. The number says how many times as probable each word of the phrase counts
        (each symbol, with a model of characters): 2 doubles the probability of a text for each word
        of it. Words that the language model lacks are treated as known.
    closed_vocabulary : bool
        Only words of the language model and of the phrases are allowed.
    unknown : float
        Open vocabulary: added to log10 p_LM of a word that the language model does not know.
    cumulative, candidates : float, int
        In each frame, the most probable symbols that hold this probability, at most so many.
    threshold : float
        Prefixes so many nats below the best are dropped. Within an unknown word, which is paid for
        at once, it is never less than what that costs.
    certain : float
        Frames after a blank whose blank has at least this probability are passed over.
    frame_seconds : float
        From one output frame to the next; with 1, word times are in frames.

    Examples
    --------
    >>> decoder = BeamDecoder(alphabet, NGram.load("english.arpa"), alpha=0.5, beta=1.5)
    >>> decoder.decode(log_probs, lengths)[0][0].text
    'the cat sat'
    """

    def __init__(
        self,
        alphabet,
        lm=None,
        beam=100,
        alpha=0.5,
        beta=1.5,
        n_best=1,
        phrases=None,
        closed_vocabulary=False,
        unknown=-10.0,
        cumulative=0.99,
        candidates=40,
        threshold=10.0,
        certain=0.999,
        frame_seconds=1.0,
    ):
        for name, value in (("beam", beam), ("n_best", n_best), ("candidates", candidates)):
            check_whole_option(name, value)
        for name, value in (("alpha", alpha), ("unknown", unknown)):
            check_number(name, value)
        check_number("beta", beta, -100, 100)
        check_number("cumulative", cumulative, 0, 1)
        check_number("certain", certain, 0, 1)
        if not threshold > 0:
            raise UserError(f"threshold is {threshold!r}, expected a number of nats above 0")
        self.alphabet, self.lm, self.beam, self.n_best = alphabet, lm, beam, n_best
        self.cumulative, self.candidates, self.certain = cumulative, candidates, certain
        self.frame_seconds = frame_seconds
        separators = filter(alphabet.separates, range(1, len(alphabet)))
        self.space = next(separators, 0)
        if lm:
            check_fit(lm, alphabet, HOPELESS)
        elif closed_vocabulary and not phrases:
            raise UserError("a closed vocabulary needs a language model or phrases")
        self.scorer = None
        if lm or phrases:
            by_words = lm.units == "words" if lm else self.space > 0
            by_words = by_words and self.space > 0
            make = WordScorer if by_words else CharacterScorer
            weights = self._read_phrases(phrases or {}, by_words)
            self.scorer = make(
                alphabet, self.space, lm, alpha, beta, unknown, closed_vocabulary, weights
            )
        self.threshold = threshold

    def _read_phrases(self, phrases, by_words):
        """Cut the phrases into words or symbols."""
        weights = {}
        for phrase, weight in phrases.items():
            phrase = self.alphabet.normalise(phrase)
            self.alphabet.encode(phrase, f"the phrase {phrase!r}")
            units = phrase.split() if by_words else list(phrase)
            weights[tuple(units)] = weight
        return weights

    def decode(self, log_probs, lengths):
        """Find the best texts of each utterance.

        Parameters
        ----------
        log_probs : ndarray of float32 or float64 of shape (N, T, V)
            Natural logarithms; padding may hold anything.
        lengths : sequence of int of shape (N,)

        Returns
        -------
        list of list of Hypothesis
            Best first; the same for an utterance alone as in any batch. If a closed vocabulary
            allows none of the texts that were found, the empty one.

        Raises
        ------
        ValueError
            If a shape, a dtype or a length does not fit.
        UserError
            If a frame's probabilities do not sum to one.
        """
        log_probs, lengths = read_log_probs(log_probs, lengths, len(self.alphabet))
        return self.rescore(self.search(log_probs, lengths), log_probs, lengths)

    def stream(self):
        """Begin an utterance whose frames come bit by bit; see `BeamStream`."""
        from ds2np.decode.stream import BeamStream

        return BeamStream(self)

    def start(self, N):
        """Return the `Beams` of N utterances before their first frame."""
        size = 2 * self.beam if isinstance(self.scorer, WordScorer) and self.lm else self.beam
        return Beams(N, self.space, size, self.threshold, self.scorer)

    def search(self, log_probs, lengths):
        """Return for each utterance the symbols and approximate scores of the best texts."""
        log_probs, lengths = pack_frames(log_probs, find_frames(log_probs, lengths, self.certain))
        order = np.argsort(-lengths, kind="stable")
        log_probs, lengths = log_probs[order], lengths[order]
        beams = self.start(len(lengths))
        for frame in list_candidates(log_probs, lengths, self.cumulative, self.candidates):
            beams.keep(len(frame.ranks))
            beams.step(frame)
        found = self.list_texts(beams)
        return [found[place] for place in np.argsort(order)]

    def list_texts(self, beams):
        """End the utterances; return for each the symbols and scores of its best texts."""
        whole, real = beams.finish()
        p = close(whole, real, self.space, self.scorer)
        spellings = 1 if self.alphabet.is_unique else SPELLINGS
        limits = spellings * max(RIVALS, self.n_best), spellings * self.n_best, MARGIN
        best, scores = list_best(whole[UTTERANCE], p, beams.scale, *limits)
        found = [[] for _ in beams.scale]
        texts = beams.tree.read(whole[NODE, best])
        for n, text, score in zip(whole[UTTERANCE, best], texts, scores.tolist(), strict=True):
            if text and text[-1] == self.space:
                text.pop()  # a space at the end falls away
            if not self.alphabet.is_unique:
                text = self.alphabet.encode(self.alphabet.decode(text)).tolist()
                if any(text == known for known, _ in found[n]):
                    continue
            found[n].append((text, score))
        return [ranked or [([], -np.inf)] for ranked in found]

    def rescore(self, found, log_probs, lengths):
        """Give the texts that a search has found exact scores and word times, best first."""
        utterances, texts = [], []
        for n, ranked in enumerate(found):
            for text, _ in ranked:
                utterances.append(n)
                texts.append(text)
        utterances = np.array(utterances, int)
        acoustic = exact_log_probs(log_probs, lengths, utterances, texts, self.space)
        written = [self.alphabet.decode(text) for text in texts]
        lm = self.scorer.score_texts(written) if self.scorer else np.zeros(len(texts))
        best = []
        for _, rows in groupby(range(len(texts)), key=utterances.__getitem__):
            best += sorted(rows, key=lambda row: -(acoustic[row] + lm[row]))[: self.n_best]
        words = time_words(
            log_probs,
            lengths,
            utterances[best],
            [texts[row] for row in best],
            self.space,
            self.alphabet.find_words,
            self.frame_seconds,
        )
        results = [[] for _ in found]
        for row, timed in zip(best, words, strict=True):
            parts = float(acoustic[row]), float(lm[row])
            results[utterances[row]].append(Hypothesis(written[row], sum(parts), *parts, timed))
        return results
