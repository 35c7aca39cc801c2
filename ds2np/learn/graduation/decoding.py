"""Decoding with a language model, where the reader has written a part of it (chapter 09).

An n-gram model is trained on the transcripts of the training recordings, its weights are found on
some of these recordings, and others are transcribed by beam search with it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ds2np.backend import to_cpu
from ds2np.data.dataset import Dataset
from ds2np.decode import BeamDecoder
from ds2np.evaluate import network_outputs
from ds2np.evaluate.tuning import tune
from ds2np.lm import NGram

FUNCTIONS = {"prefix_step", "discounts", "backoff_logp", "best_weights"}  # of the exercises
ORDER = 3
BEAM = 10  # the search keeps twice as many prefixes with a model of words
ALPHAS, BETAS = (0.25, 0.5, 1.0), (0.0, 1.0, 2.0)
TUNED = 40  # recordings on which the weights are found


class Outputs(NamedTuple):
    """What a network puts out for N utterances, and what was said.

    Attributes
    ----------
    log_probs : ndarray of shape (N, T, V)
    lengths : ndarray of int of shape (N,)
    texts : list of str
    """

    log_probs: np.ndarray
    lengths: np.ndarray
    texts: list


@dataclass(frozen=True)
class Decoded:
    """The texts that a search with a language model has found, and the weights of the model."""

    texts: list
    alpha: float
    beta: float

    def __str__(self):
        return f"alpha {self.alpha:g}, beta {self.beta:g}"


def needs(replacement):
    """Return whether a `Replacement` serves in the decoding alone."""
    return replacement.exercise.function in FUNCTIONS


def decode(texts, alphabet, tuning, test, progress=None):
    """Train a language model, find its weights, and decode with it.

    Parameters
    ----------
    texts : list of str
        Sentences for the language model.
    alphabet : Alphabet
    tuning, test : Outputs
        Of the recordings on which the weights are found, and of those to transcribe.
    progress : callable, optional
        Called after each search for the weights.

    Returns
    -------
    Decoded
    """
    lm = NGram.train(texts, ORDER, log=None)

    def make(alpha, beta, n_best):
        return BeamDecoder(alphabet, lm, BEAM, alpha, beta, n_best)

    tuned = tune(*tuning, make, ALPHAS, BETAS, progress)
    found = make(tuned.alpha, tuned.beta, 1).decode(test.log_probs, test.lengths)
    return Decoded([listed[0].text for listed in found], tuned.alpha, tuned.beta)


def collect_outputs(recogniser, utterances):
    """Run the network over utterances; return its `Outputs`."""
    dataset, rows = Dataset(utterances, recogniser.config), {}
    for batch, log_probs, lengths in network_outputs(recogniser, dataset):
        for i, row, length in zip(batch.indices, to_cpu(log_probs), lengths, strict=True):
            rows[int(i)] = row[:length]
    return Outputs(*_stack([rows[i] for i in range(len(dataset))]), dataset.texts)


def imitate_outputs(texts, alphabet, seed=0):
    """Return `Outputs` as a network might put out that has learned to recognise some texts."""
    rng, rows = np.random.default_rng(seed), []
    for text in texts:
        path = [symbol for label in alphabet.encode(text) for symbol in (label, 0)]
        logits = rng.standard_normal((len(path), len(alphabet)))
        logits[np.arange(len(path)), path] += rng.uniform(3, 10, len(path))
        rows.append(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
    return Outputs(*_stack(rows), list(texts))


def _stack(rows):
    """Stack arrays (T, V) to (N, most T, V); return that and their lengths."""
    lengths = np.array([len(row) for row in rows])
    stacked = np.zeros((len(rows), lengths.max(), rows[0].shape[1]), rows[0].dtype)
    for padded, row in zip(stacked, rows, strict=True):
        padded[: len(row)] = row
    return stacked, lengths
