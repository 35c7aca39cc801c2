"""Does a run fit into memory? Its largest minibatches are tried before it begins."""

import itertools
import math

import numpy as np

from ds2np.audio import Augmentation
from ds2np.audio.effects import BEFORE
from ds2np.backend import CPU, free_memory, free_pool
from ds2np.data.batches import AHEAD, Batch, pad, shard
from ds2np.data.memory import run_within_memory, too_large
from ds2np.train.step import add_gradients, keep_statistics


def try_longest(trainer, device=CPU):
    """Run the largest minibatches once, on noise; print and return the peak memory in bytes.

    A run that needs too much memory then fails at its start and not hours later. Augmented
    recordings are assumed to have their greatest possible length. The model is left unchanged.

    Raises
    ------
    UserError
        If a minibatch does not fit; on a GPU it says how many utterances would.
    """
    model, config, comm, on_gpu = trainer.model, trainer.config, trainer.comm, device != CPU
    lengthening = Augmentation().lengthening if config.augment else 1.0
    quiet = model.config.count_frames(BEFORE + config.quiet) if config.quiet else 0
    plans = map(trainer.plan, range(trainer.progress.epoch, config.epochs + 1))
    own = itertools.chain.from_iterable(shard(plan, comm.rank, comm.size) for plan in plans)
    longest, T = _largest(own, trainer.train_set, lengthening)
    T += quiet
    evaluation = trainer.dev_set.plan(1, config.batch_size, config.batch_seconds)
    of_dev, dev_T = _largest(evaluation, trainer.dev_set)
    restore = keep_statistics(model)
    ahead = [_noise(model, len(longest), T) for _ in range(AHEAD)]  # as minibatches are prefetched
    if on_gpu:
        trainer.log("compiling kernels for the GPU, about a minute the first time")
        free_pool()
    size = len(longest), T, _seconds(model, T)
    # Other ranks would wait for the batch statistics of one that tries fewer.
    run_within_memory(
        _learning(trainer, longest, T), size, _remedy(size), on_gpu, try_fewer=comm.size == 1
    )
    trainer.recogniser.log_probs(_noise(model, len(of_dev), dev_T), np.full(len(of_dev), dev_T))
    del ahead
    model.zero_grads()
    restore()
    peak, whole = device.peak_memory(), ""
    if on_gpu:
        free_pool()  # minibatches of other shapes follow
        whole = f" of the GPU's {free_memory()[1] / 1e6:.0f} MB"
    trainer.log(
        f"memory: {peak / 1e6:.0f} MB{whole} with the largest minibatch, {len(longest)} x "
        f"{size[2]:.1f} s"
    )
    return peak


def train_within_memory(trainer, minutes, device):
    """Run a trainer; a minibatch without room, although the largest had it, is a UserError."""
    try:
        return trainer.run(minutes)
    except MemoryError:
        if trainer._step.batch is None:
            raise
        # While the error lives, so do the arrays of the step.
    trainer.model.clear_cache()
    (N, T, _), indices = trainer._step.batch.x.shape, trainer._step.batch.indices
    size = N, T, _seconds(trainer.model, T)
    run = _learning(trainer, indices, T) if trainer.comm.size == 1 else None
    raise too_large(size, _remedy(size), device != CPU, run)


def _learning(trainer, indices, T):
    """Return a function that learns from T frames of noise for the first of some utterances."""
    model, labels = trainer.model, trainer.train_set.labels

    def learn(n):
        model.set_training(True)
        padded = pad([labels[i] for i in indices[:n]], np.int64)
        batch = Batch(indices[:n], _noise(model, n, T), np.full(n, T), *padded)
        try:
            add_gradients(model, batch, scale=1.0)
        finally:
            model.clear_cache()

    return learn


def _remedy(size):
    def remedy(fits):
        if fits:
            seconds = math.floor(10 * fits * size[2]) / 10
            return f"use --batch-size {fits} or --batch-seconds {seconds:g}"
        if fits is None:
            return "use fewer utterances or seconds in a minibatch"
        return "leave out long utterances (--longest)"

    return remedy


def _seconds(model, frames):
    return frames * model.config.stride_ms / 1000


def _noise(model, N, T):
    return np.random.default_rng(0).standard_normal((N, T, model.config.features), np.float32)


def _largest(plan, dataset, lengthening=1.0):
    """Choose the largest minibatch of a plan; return its indices and its frames."""
    indices = max(plan, key=lambda b: len(b) * dataset.frames[b].max(initial=0))
    # Without utterances of its own, a rank has one row all the same.
    indices = indices if len(indices) else np.zeros(1, int)
    return indices, math.ceil(dataset.frames[indices].max() * lengthening)
