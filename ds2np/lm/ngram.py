"""The language model as the decoder sees it: states, words and the probability of each next word.

The paper decodes with a 5-gram ("Decoding with language models" in chapter 09).
"""

import functools

import numpy as np

from ds2np.lm.files import read_model, write_model
from ds2np.lm.kneser_ney import estimate
from ds2np.lm.progress import tell
from ds2np.lm.tables import BOS, EOS, UNK, add_back_offs, find_longest
from ds2np.lm.units import SPACE, cut

TOGETHER = 10_000  # sentences scored in step


class NGram:
    """A back-off n-gram language model.

    The probability of a word after a context h that begins with the word u, h = u h', is

        p(w | h) = p as stored                 if the model has the n-gram h w,
                   gamma(h) * p(w | h')        otherwise,

    with gamma(h) = 1 for contexts that the model lacks. All probabilities are log10, as in ARPA
    files.

    Parameters
    ----------
    tables : Tables

    Attributes
    ----------
    words : list of str
        "<unk>" first, which stands for every other word, then "<s>" and "</s>".
    order : int
    begin : int
        The state after "<s>".
    units : str
        "words" or "characters".
    space : str
        With characters, the word that stands for a space.
    name : str
        What messages call it: with its file.
    """

    def __init__(self, tables):
        self.tables, self.name = tables, "the language model"
        self.words, self.units, self.space = tables.words, tables.units, tables.space
        self.order = len(tables.starts) - 1
        self.begin = int(tables.state[1 + BOS])

    @classmethod
    def train(cls, lines, order=3, prune=(), units="words", space=SPACE, log=tell):
        """Estimate a model by interpolated modified Kneser-Ney; see `ds2np.lm.kneser_ney`.

        Parameters
        ----------
        lines : iterable of str
            One sentence each; an empty line is an empty sentence.
        order : int
            Words of the longest n-grams.
        prune : sequence of int
            For each order from 1, leave out n-grams that occur at most so often. The first is 0,
            none is below the one before it, and the last holds for all higher orders.
        units : str
            "words", separated by white space, or "characters".
        space : str
            With characters, the name of the space.
        log : callable of str or None
            Receives what has to be told, such as discounts that cannot be estimated.

        Raises
        ------
        UserError
            If there is no text, a word is special, or no sentence is as long as an n-gram.
        """
        return cls(estimate(lines, order, prune, units, space, log))

    @classmethod
    def load(cls, path, units=None, space=None, log=tell):
        """Read a model from an ARPA file, compressed with gzip or not, or map the compact form.

        Parameters
        ----------
        path : Path or str
        units, space : str or None
            What an ARPA file of characters cannot say; see `ds2np.lm.units.find_units`.
        log : callable of str or None
            Receives what a file lacks, such as <unk>.

        Raises
        ------
        UserError
            If the file cannot be read, is damaged, or contradicts itself.
        """
        model = cls(read_model(path, units, space, log))
        model.name += f" {path}"
        return model

    def save(self, path):
        """Write the model: ARPA to .arpa, .txt and .gz, which is compressed; else compact."""
        write_model(self.tables, path)

    def __len__(self):
        """Count the n-grams of all orders."""
        return int(self.tables.starts[-1]) - 1

    @functools.cached_property
    def numbers(self):
        """The number of each word: dict of str to int."""
        return {word: number for number, word in enumerate(self.words)}

    def counts(self):
        """Count the n-grams of each order: list of int."""
        return np.diff(self.tables.starts).tolist()

    def score_pairs(self, states, words):
        """Score many words, each after a state of its own.

        Parameters
        ----------
        states : ndarray of int of shape (M,)
            `begin`, 0 for no context, or states returned earlier.
        words : ndarray of int of shape (M,)

        Returns
        -------
        logp : ndarray of float32 of shape (M,)
            log10 p(word | state).
        after : ndarray of int32 of shape (M,)
            The states after the words.
        """
        t = self.tables
        states, words = np.asarray(states, np.int64), np.asarray(words, np.int64)
        found, left = find_longest(t.key, t.starts[1], t.suffix, states, words)
        logp = t.logp[found]
        add_back_offs(logp, left, t.back)
        return logp, t.state[found]

    def cut(self, text):
        """Cut a text into the words, or characters, of the model: list of str."""
        return cut(text, self.units, self.space)

    def encode(self, words):
        """Return the numbers of words, `UNK` for those that the model does not know."""
        get = self.numbers.get
        return np.fromiter((get(word, UNK) for word in words), np.int64, len(words))

    def score(self, words):
        """Score one sentence, given as a list of str.

        Returns
        -------
        ndarray of float64 of shape (len(words) + 1,)
            log10 probability of each word after those before it, and of the end.
        """
        return self.score_all([words])[0]

    def score_all(self, sentences):
        """Score many sentences, lists of str, word by word in step; a list of what `score` gives.

        It is many times faster than one by one.
        """
        scores = []
        for at in range(0, len(sentences), TOGETHER):
            scores += self._score_in_step(sentences[at : at + TOGETHER])
        return scores

    def _score_in_step(self, sentences):
        lengths = np.array([len(words) + 1 for words in sentences])
        order = np.argsort(-lengths, kind="stable")  # those that have ended come last
        numbers = np.full((lengths.max(), len(sentences)), EOS)  # (step, sentence)
        for row, i in enumerate(order):
            numbers[: lengths[i] - 1, row] = self.encode(sentences[i])
        logp = np.zeros(numbers.shape)
        states = np.full(len(sentences), self.begin)
        for step in range(len(numbers)):
            n = np.searchsorted(-lengths[order], -step)  # sentences that are longer than this
            logp[step, :n], states = self.score_pairs(states[:n], numbers[step, :n])
        rows = np.argsort(order)
        return [logp[: lengths[i], rows[i]].copy() for i in range(len(sentences))]
