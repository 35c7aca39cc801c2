"""Trials of the reader's functions on a minibatch: called at all, right, and quick enough."""

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

MAX_MINUTES = 30  # that one answer may add to the training
APART = 0.01  # how far, as a share of the largest, gradients may lie from the package's
NOTICEABLE = 0.05  # share of a step


def try_step(network, training, utterances):
    """Run everything once that training and recognising run: one step, and one evaluation.

    Parameters
    ----------
    network : DeepSpeech2Config
    training : TrainingConfig
    utterances : list of Utterance

    Returns
    -------
    list of ndarray
        The losses, the gradients, and the parameters after the step.
    """
    model = DeepSpeech2(network, seed=training.seed)
    dataset = Dataset(utterances, model.config)
    trainer = Trainer(model, dataset, dataset, Path(), training)  # writes nothing yet
    assert not trainer.finished
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
    """Transcribe recordings.

    Parameters
    ----------
    recogniser : Recogniser
    utterances : list of Utterance

    Returns
    -------
    refs, hyps : list of str
    """
    dataset, found = Dataset(utterances, recogniser.config), {}
    for batch, log_probs, lengths in network_outputs(recogniser, dataset):
        decoded = recogniser.decoder.decode(log_probs, lengths)
        found.update((i, best.text) for i, (best,) in zip(batch.indices, decoded, strict=True))
    return dataset.texts, [found[i] for i in range(len(dataset))]


def try_all(replacements, network, training, utterances):
    """Try each answer alone on a minibatch: whether it is needed, right, and quick enough.

    Parameters
    ----------
    replacements : list of Replacement
        Whoever fails is given the reason.
    network : DeepSpeech2Config
    training : TrainingConfig
    utterances : list of Utterance

    Returns
    -------
    list of Replacement
        Those that serve, all of them together.
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
        except Exception as error:  # the answer went through, what came of it did not
            replacement.failure = (
                f"with it, a minibatch of speech ends in {type(error).__name__}: {error}"
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
            replacement.failure = f"{slowness}, {more * steps / 3600:.1f} hours more in all"
            continue
        if factor > 2 and more > NOTICEABLE * whole:  # less is noise, or nobody minds
            replacement.slowness = slowness
        replacement.fit = True
    fit = [replacement for replacement in replacements if replacement.fit]
    for replacement in fit:
        replacement.reset()
    with replaced(fit):
        try_step(network, training, few)
    return [replacement for replacement in fit if replacement.calls and not replacement.failure]


def find_distance(got, expected):
    """Say how the results of `try_step` differ, beyond rounding.

    Parameters
    ----------
    got, expected : list of ndarray

    Returns
    -------
    str
        Empty if they do not.
    """
    for name, a, b in zip(("losses", "gradients", "parameters"), got, expected, strict=True):
        share = np.abs(a - b).max() / max(np.abs(b).max(), 1e-12)
        if not share <= APART:
            return f"the {name} are up to {100 * share:.3g} % away from the package's"
    return ""
