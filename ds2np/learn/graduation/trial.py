"""Trials of the reader's functions on a minibatch: are they called, correct and fast enough."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ds2np.data.batches import make_batch, shard
from ds2np.data.dataset import Dataset
from ds2np.evaluate import network_outputs
from ds2np.learn.graduation import decoding
from ds2np.learn.graduation.adapters import find_adapter
from ds2np.learn.graduation.faults import describe
from ds2np.learn.graduation.replace import MINUTES, Clock, replaced
from ds2np.model import DeepSpeech2
from ds2np.text import cer
from ds2np.train.changes import make_change
from ds2np.train.step import add_gradients
from ds2np.train.trainer import Trainer

APART = 0.01  # largest difference of the results, relative to their largest value
NOTICEABLE = 0.05  # share of a step
DRAWS = 4  # of the augmentation, so that each effect falls on some recording
DECODED = 3  # utterances
PATIENCE = 60  # seconds that an answer may take in its trial


@dataclass
class Part:
    """A part of the graduation on a small scale.

    Attributes
    ----------
    run : callable
        Returns a list of arrays, which are the same with right answers.
    times : float
        How often the graduation does as much.
    expected : list of ndarray
        What `run` returns without answers.
    seconds : float
        Time that it takes then.
    """

    run: Callable
    times: float
    expected: list
    seconds: float

    @classmethod
    def measure(cls, run, times):
        """Run a part without answers."""
        began = time.perf_counter()
        expected = run()
        return cls(run, times, expected, time.perf_counter() - began)


def try_step(network, training, utterances):
    """Run one training step and one evaluation, and so every function that training calls.

    Returns a list of arrays: the spectrograms, the losses, the gradients, and the parameters after
    the step.
    """
    model = DeepSpeech2(network, seed=training.seed)
    dataset = Dataset(utterances, model.config, make_change(training, network.sample_rate))
    trainer = Trainer(model, dataset, dataset, Path(), training)  # writes nothing yet
    if trainer.finished:
        raise ValueError("the training is finished before its first epoch")
    indices = shard(trainer.plan(2), trainer.comm.rank, trainer.comm.size)[0]
    draws = range(DRAWS if training.augment else 1)
    batches = [make_batch(dataset, indices, (training.seed, draw)) for draw in draws]
    model.set_training(True)
    loss = add_gradients(model, batches[0], 1 / len(batches[0].indices))
    gradients = model.flat_grads.copy()
    trainer.optimiser.step()
    parameters = model.flat_params.copy()
    trainer.evaluate(trainer.recogniser)
    cer(*recognise(trainer.recogniser, utterances[:2]))
    return [np.concatenate([batch.x.ravel() for batch in batches]), loss, gradients, parameters]


def try_decoding(alphabet, texts):
    """Decode a few utterances with a language model of their texts; return no arrays.

    Beams may differ where nothing is wrong. Each call of an answer is compared anyway.
    """
    outputs = decoding.imitate_outputs(texts[:DECODED], alphabet)
    decoding.decode(texts, alphabet, outputs, outputs)
    return []


def recognise(recogniser, utterances):
    """Transcribe utterances; return the lists of references and hypotheses."""
    dataset, found = Dataset(utterances, recogniser.config), {}
    for batch, log_probs, lengths in network_outputs(recogniser, dataset):
        best = recogniser.decode(log_probs, lengths)
        found.update((i, each.text) for i, each in zip(batch.indices, best, strict=True))
    return dataset.texts, [found[i] for i in range(len(dataset))]


def try_all(replacements, exercises, network, training, utterances):
    """Try each answer alone on a minibatch, then all fit ones combined.

    Sets `fit`, `failure` and `slowness` of the replacements.

    Parameters
    ----------
    replacements : list of Replacement
    exercises : list of Exercise
        All whose functions could be used, solved or not.
    network, training : DeepSpeech2Config, TrainingConfig
    utterances : list of Utterance

    Returns
    -------
    list of Replacement
        Those in use.
    list of Exercise
        Those whose functions the training calls, too, and takes from the package.
    """
    dataset = Dataset(utterances, network)
    few = dataset.plan(2, training.batch_size)[0]
    steps = training.epochs * -(-len(utterances) // training.batch_size)
    step = functools.partial(try_step, network, training, [utterances[i] for i in few])
    texts = [dataset.texts[i] for i in few]
    decode = functools.partial(try_decoding, network.alphabet(), texts)

    originals = {e: find_adapter(e, None)[0] for e in exercises}
    clocks = {original: Clock(original) for original in originals.values()}
    with replaced(clocks.values()):
        parts = {False: Part.measure(step, steps)}  # by whether it is that of decoding
        if any(map(decoding.needs, replacements)):
            parts[True] = Part.measure(decode, decoding.TUNED / DECODED)
    for replacement in replacements:
        if clocks[replacement.original].calls:
            usual = clocks[replacement.original].seconds
            _try_alone(replacement, usual, parts[decoding.needs(replacement)])
    fit = [replacement for replacement in replacements if replacement.fit]
    for replacement in fit:
        replacement.reset(strict=True, limit=PATIENCE)
    used = {replacement.original for replacement in fit}
    clocks = {original: Clock(original) for original in set(originals.values()) - used}
    with replaced([*clocks.values(), *fit]):
        step()
        if any(map(decoding.needs, fit)):
            decode()
    chosen = [replacement for replacement in fit if replacement.calls and not replacement.failure]
    return chosen, [e for e, o in originals.items() if o in clocks and clocks[o].calls]


def _try_alone(replacement, usual, part):
    """Try an answer in a `Part` of the graduation, of which the package's takes `usual` seconds."""
    replacement.reset(strict=True, limit=PATIENCE)
    try:
        with replaced([replacement]):
            got = part.run()
    except Exception as error:  # raised by the package, for a result it cannot use
        problem = f"with it, a minibatch of speech raises {describe(error)}"
        replacement.failure = replacement.failure or problem
    if replacement.failure:
        return
    if apart := find_distance(got, part.expected):
        replacement.failure = f"on a minibatch of speech {apart}"
        return
    more = replacement.seconds - usual
    factor = replacement.seconds / max(usual, 1e-9)
    slowness = f"{factor:,.{int(factor < 10)}f} times as slow as the package's"
    if more * part.times > 60 * MINUTES:
        replacement.failure = f"{slowness}, {more * part.times / 3600:.1f} hours more in total"
        return
    if factor > 2 and more > NOTICEABLE * part.seconds:  # less is noise
        replacement.slowness = slowness
    replacement.fit = True


def find_distance(got, expected):
    """Describe how results of `try_step` differ beyond rounding; return "" if they do not.

    There may be no results at all, of `try_decoding`.
    """
    names = "spectrograms", "losses", "gradients", "parameters"
    for name, a, b in zip(names[: len(expected)], got, expected, strict=True):
        if a.shape != b.shape:
            return f"the {name} are {a.size}, with the package's function {b.size}"
        share = np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)
        if not share <= APART:
            return f"the {name} differ from the package's by up to {100 * share:.3g} %"
    return ""
