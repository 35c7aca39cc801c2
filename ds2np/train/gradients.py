"""The gradients of a minibatch, without the utterances that would break them."""

import numpy as np

from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss, min_frames
from ds2np.data.batches import take


def add_gradients(model, batch, scale, clock, done=None, anywhere=bool):
    """Run a minibatch forward and backward, adding to the network's gradients.

    An utterance whose loss is not finite is left out, and the others are computed without it: what
    is not finite spreads over the minibatch through the statistics of batch normalisation, and from
    there into the running averages.

    Parameters
    ----------
    model : DeepSpeech2
        In training mode.
    batch : Batch
    scale : float
        Weight of each utterance's gradient.
    clock : Clock
    done : callable, optional
        See `DeepSpeech2.backward`.
    anywhere : callable
        Tells whether something is true in any of the processes that share statistics.

    Returns
    -------
    loss : ndarray of shape (N,)
        Of each utterance, in main memory; not finite where it was left out.
    out_lengths : ndarray of shape (N,)
        Frames of output of each.
    """
    restore_averages = keep_averages(model)
    N = len(batch.indices)
    with clock.part("forward"):
        logits, out_lengths = model.forward(batch.x, batch.lengths)
    with clock.part("ctc"):
        loss, dlogits = ctc_loss(logits, batch.labels, out_lengths, batch.label_lengths)
        loss = to_cpu(loss)[:N]
    broken = ~np.isfinite(loss)
    if not anywhere(broken.any()):
        with clock.part("backward"):
            model.backward(dlogits * dlogits.dtype.type(scale), done)
        return loss, out_lengths
    restore_averages()
    culprits = ~np.isfinite(batch.x[:N]).all(axis=(1, 2))
    if not anywhere(culprits.any()):
        culprits = broken
    rest = np.flatnonzero(~culprits)
    if anywhere(len(rest)):
        loss[rest] = add_gradients(model, take(batch, rest), scale, clock, done, anywhere)[0]
    return loss, out_lengths


def keep_averages(model):
    """Keep the running averages of a network; return a function that puts them back."""
    kept = {name: value.copy() for name, value in model.buffers.items()}

    def restore():
        for name, value in kept.items():
            model.buffers[name][...] = value

    return restore


def describe(batch, out_lengths, n):
    """Tell what may be wrong with an utterance: its frames, labels and repeats."""
    labels = batch.labels[n, : batch.label_lengths[n]]
    return (
        f"{out_lengths[n]} frames of output, {len(labels)} characters, "
        f"{min_frames(labels) - len(labels)} of them repeats"
    )
