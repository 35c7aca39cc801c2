"""Which utterances are probably wrong: a classifier that learns from the recording at hand.

Most utterances of an alignment are right. Some of them are spoiled on purpose, in all the ways of
`ds2np.align.spoiling`; logistic regression learns to tell them from the others, for this network
and this speaker, and is then asked about each utterance as it is.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.align.classifier import Classifier, adapt_to_share, choose_threshold
from ds2np.align.evidence import NAMES, describe_evidence
from ds2np.align.sounds import make_music, make_noises
from ds2np.align.spoiling import KINDS, Utterance, spell, spoil
from ds2np.backend import to_cpu

SPOILED = 100  # utterances of a text that are spoiled, in each way
LEAST = 20  # utterances from which a classifier learns
SHARE = 0.05  # of wrong utterances that is assumed


@dataclass(frozen=True)
class Evidence:
    """Features of the utterances of a text.

    Attributes
    ----------
    found : ndarray of shape (N, D)
        Of each utterance; NaN where its text does not fit.
    spoiled : dict of str to ndarray of shape (n, D)
        Of utterances that were spoiled on purpose, by kind.
    """

    found: np.ndarray
    spoiled: dict


@dataclass(frozen=True)
class Verdict:
    """What the classifier says.

    Attributes
    ----------
    wrong : list of float
        Probability of each utterance that its text is not what is said; None without a classifier.
    threshold : float or None
        Above which it is better to leave an utterance out.
    """

    wrong: list
    threshold: float | None


def hear_utterances(aligned, cuts, alphabet, frame_seconds):
    """Return the utterances among the cuts of an `Aligned`, as the network hears them.

    Parameters
    ----------
    aligned : Aligned
    cuts : sequence of sequence of Cut
        Of each recording.
    alphabet : Alphabet
    frame_seconds : float

    Returns
    -------
    list of Utterance
    """
    found = []
    for alignment, (_, frames), of_recording in zip(
        aligned.alignments, aligned.parts, cuts, strict=True
    ):
        for each in of_recording:
            if each.reason:
                continue
            words = alignment.words[each.first : each.last]
            begin, end = (round(t / frame_seconds) for t in (each.start, each.end))
            log_probs = aligned.outputs[frames.start + begin : min(frames.start + end, frames.stop)]
            times = np.array([(word.start, word.end) for word in words])
            places = np.clip(np.round(times / frame_seconds).astype(int) - begin, 0, len(log_probs))
            labels = tuple(alphabet.encode(word.spoken) for word in words)
            found.append(Utterance(log_probs, labels, *places.T))
    return found


def collect_evidence(utterances, sounds, alphabet, frame_seconds, rng):
    """Return the `Evidence` of utterances, and of some of them that are spoiled.

    Parameters
    ----------
    utterances : sequence of Utterance
    sounds : dict of str to list of ndarray of shape (T, V)
        See `spoil`.
    alphabet : Alphabet
    frame_seconds : float
    rng : numpy.random.Generator
    """
    space = find_space(alphabet)
    nothing = np.full(len(NAMES), np.nan)
    found = []
    for each in utterances:
        features = describe_evidence(each.log_probs, spell(each.words, space), frame_seconds)
        found.append(nothing if features is None else features)
    spoiled = {kind: [] for kind in KINDS}
    for i in rng.permutation(len(utterances))[:SPOILED]:
        for kind, features in spoiled.items():
            if changed := spoil(rng, kind, utterances, i, sounds, space):
                described = describe_evidence(*changed, frame_seconds)
                features += [] if described is None else [described]
    return Evidence(
        np.array(found).reshape(-1, len(NAMES)),
        {kind: np.array(rows).reshape(-1, len(NAMES)) for kind, rows in spoiled.items()},
    )


def hear_sounds(recogniser, rng):
    """Return what a recogniser's network puts out for noise and music, see `spoil`."""
    rate, sounds = recogniser.config.sample_rate, {}
    for kind, make in (("noise", make_noises), ("music", make_music)):
        features = np.stack([recogniser.features(sound) for sound in make(rng, rate)])
        lengths = np.full(len(features), features.shape[1])
        log_probs, out_lengths = recogniser.log_probs(features, lengths)
        sounds[kind] = list(to_cpu(log_probs)[:, : out_lengths[0]])
    return sounds


def find_space(alphabet):
    """Return the label of the space; None if the alphabet has none."""
    if not alphabet.has_spaces:
        return None
    return next(n for n in range(1, len(alphabet)) if alphabet.separates(n))


def judge(evidence, cost, share=SHARE):
    """Train a classifier on evidence, and apply it.

    Parameters
    ----------
    evidence : sequence of Evidence
        Of all texts.
    cost : float
        Of a wrong utterance that is kept, in right ones that are left out.
    share : float
        Of wrong utterances that is assumed.

    Returns
    -------
    Verdict
    """
    found = np.concatenate([each.found for each in evidence])
    spoiled = [rows for each in evidence for rows in each.spoiled.values() if len(rows)]
    fits = ~np.isnan(found).any(axis=1)
    if fits.sum() < LEAST or not spoiled:
        return Verdict([None] * len(found), None)
    right, wrong = found[fits], np.concatenate(spoiled)
    classifier = Classifier.train(right, wrong)
    examples, y = np.concatenate([right, wrong]), np.repeat([0, 1], [len(right), len(wrong)])
    learned = adapt_to_share(classifier.probability(examples), share)
    threshold = choose_threshold(learned, y, share, cost)
    probabilities = np.ones(len(found))
    probabilities[fits] = adapt_to_share(classifier.probability(right), share)
    return Verdict([round(p, 4) for p in probabilities.tolist()], threshold)
