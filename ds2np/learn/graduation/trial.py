"""Trials of the reader's functions on a minibatch: are they called, correct and fast enough."""

import time
from pathlib import Path

import numpy as np

from ds2np.data.batches import make_batch
from ds2np.data.dataset import Dataset
from ds2np.evaluate import network_outputs
from ds2np.learn.graduation.replace import Replacement, replaced
from ds2np.model import DeepSpeech2
from ds2np.text import cer
from ds2np.train.step import add_gradients
from ds2np.train.trainer import Trainer

MAX_MINUTES = 30  # that one answer may add to the training time
APART = 0.01  # largest difference of the results, relative to their largest value
NOTICEABLE = 0.05  # share of a step


def try_step(network, training, utterances):
    """Run one training step and one evaluation, and so every function that training calls.

    Returns a list of three arrays: the losses, the gradients, and the parameters after the step.
    """
    model = DeepSpeech2(network, seed=training.seed)
    dataset = Dataset(utterances, model.config)
    trainer = Trainer(model, dataset, dataset, Path(), training)  # writes nothing yet
    if trainer.finished:
        raise ValueError("the training is finished before its first epoch")
    batch = make_batch(dataset, trainer.plan(2)[0])
    model.set_training(True)
    loss = add_gradients(model, batch, 1 / len(batch.indices))
    gradients = model.flat_grads.copy()
    trainer.optimiser.step()
    parameters = model.flat_params.copy()
    trainer.evaluate(trainer.recogniser)
    cer(*recognise(trainer.recogniser, utterances[:2]))
    return [loss, gradients, parameters]


def recognise(recogniser, utterances):
    """Transcribe utterances; return the lists of references and hypotheses."""
    dataset, found = Dataset(utterances, recogniser.config), {}
    for batch, log_probs, lengths in network_outputs(recogniser, dataset):
        best = recogniser.decode(log_probs, lengths)
        found.update((i, each.text) for i, each in zip(batch.indices, best, strict=True))
    return dataset.texts, [found[i] for i in range(len(dataset))]


def try_all(replacements, network, training, utterances):
    """Try each answer alone on a minibatch, then all fit ones combined, and return those in use.

    Sets `fit`, `failure` and `slowness` of the replacements.
    """
    minibatch = Dataset(utterances, network).plan(2, training.batch_size)[0]
    few = [utterances[i] for i in minibatch]
    steps = training.epochs * -(-len(utterances) // training.batch_size)
    clocks = {s.original: Replacement(s.exercise, s.original, s.original, "") for s in replacements}
    began = time.perf_counter()
    with replaced(clocks.values()):
        expected = try_step(network, training, few)
    whole = time.perf_counter() - began
    for replacement in replacements:
        if not clocks[replacement.original].calls:
            continue
        try:
            with replaced([replacement]):
                got = try_step(network, training, few)
        except Exception as error:  # raised by the package, for a result it cannot use
            replacement.failure = (
                f"with it, a minibatch of speech raises {type(error).__name__}: {error}"
            )
        if replacement.failure:
            continue
        if apart := find_distance(got, expected):
            replacement.failure = f"on a minibatch of speech {apart}"
            continue
        usual = clocks[replacement.original].seconds
        more = replacement.seconds - usual
        factor = replacement.seconds / max(usual, 1e-9)
        slowness = f"{factor:,.{int(factor < 10)}f} times as slow as the package's"
        if more * steps > 60 * MAX_MINUTES:
            replacement.failure = f"{slowness}, {more * steps / 3600:.1f} hours more in total"
            continue
        if factor > 2 and more > NOTICEABLE * whole:  # less is noise
            replacement.slowness = slowness
        replacement.fit = True
    fit = [replacement for replacement in replacements if replacement.fit]
    for replacement in fit:
        replacement.reset()
    with replaced(fit):
        try_step(network, training, few)
    return [replacement for replacement in fit if replacement.calls and not replacement.failure]


def find_distance(got, expected):
    """Describe how results of `try_step` differ beyond rounding; return "" if they do not."""
    for name, a, b in zip(("losses", "gradients", "parameters"), got, expected, strict=True):
        share = np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)
        if not share <= APART:
            return f"the {name} differ from the package's by up to {100 * share:.3g} %"
    return ""
