"""One training step apart from its arithmetic: broken utterances, other processes.

Forward, loss, backward and update are in the loop of trainer.py.
"""

import numpy as np
from tqdm import tqdm

from ds2np.backend import to_cpu
from ds2np.ctc import ctc_loss, min_frames
from ds2np.data.batches import take
from ds2np.data.left_out import LeftOut
from ds2np.layers.batchnorm import sync_batchnorm
from ds2np.parallel.buckets import Buckets


class Step:
    """The minibatches of a step, without the utterances that would break it.

    An utterance whose recording is unusable never enters a minibatch; it is named and counted here.
    An utterance whose loss is not finite is left out, and the rest of its minibatch is computed
    again: through the batch statistics, numbers that are not finite spread to all utterances, and
    to the running statistics.

    Parameters
    ----------
    model : DeepSpeech2
        In training mode.
    dataset : Dataset
        Names the utterances that are left out.
    config : TrainingConfig
    comm : Communicator
        Connects the processes that train this network, each on its part of every minibatch.

    Attributes
    ----------
    scale : float
        The weight of each utterance's gradient.
    batch : Batch or None
        The latest minibatch.
    layer_done : callable or None
        For `DeepSpeech2.backward`: begins the all-reduce of gradients that are complete.
    named : LeftOut
        The utterances whose recordings turned out unusable.
    learned, loss_sum, left_out, unusable : int, float, int, int
        Utterances trained on, the sum of their losses, utterances left out, and those of them whose
        recordings are unusable: of this process, and after `all_reduce` of all processes.
    """

    def __init__(self, model, dataset, config, comm):
        self.model, self.dataset, self.comm = model, dataset, comm
        self.scale = 1 / (config.batch_size * config.accumulate)
        self._buckets = Buckets(model, comm)
        self.named, self.batch = LeftOut(len(dataset)), None
        self._synchronised = config.sync_batchnorm and comm.size > 1
        if self._synchronised:
            sync_batchnorm(model, comm.sum)

    def minibatches(self, batches, count):
        """Yield the next ``count`` minibatches, and after a broken one the rest of it.

        Each is to be run forward, and backward if `accepts` returns True.
        """
        self.learned, self.loss_sum, self.left_out, self._indices = 0, 0.0, 0, []
        self.unusable = 0
        for number in range(1, count + 1):
            self._rest = next(batches)
            self._count_unusable(self._rest.unusable)
            self.layer_done = self._buckets.layer_done if number == count else None
            while self._rest is not None:
                batch, self._rest = self._rest, None
                self._restore, self.batch = keep_statistics(self.model), batch
                yield batch

    def accepts(self, batch, loss, out_lengths):
        """Decide whether the gradients of a minibatch may be used; if not, drop broken utterances.

        loss and out_lengths have shape (N,).
        """
        N = len(batch.indices)
        loss = to_cpu(loss)[:N]
        broken = ~np.isfinite(loss)
        if not self._anywhere(broken.any()):
            self.learned += N
            self.loss_sum += float(loss.sum(dtype=np.float64))
            self._indices.extend(batch.indices)
            return True
        self._restore()
        culprits = ~np.isfinite(batch.x[:N]).all(axis=(1, 2))
        if not self._anywhere(culprits.any()):
            culprits = broken
        for n in np.flatnonzero(culprits):
            self._name([batch.indices[n]], f"its loss is {loss[n]}, which is not a finite number")
            tqdm.write(f"    {describe(batch, out_lengths, n)}")
        self.left_out += int(culprits.sum())
        rest = np.flatnonzero(~culprits)
        if self._anywhere(len(rest)):
            self._rest = take(batch, rest)
        return False

    def _count_unusable(self, reasons):
        """Count the utterances that were left out of a minibatch, and name the new ones."""
        self.unusable += len(reasons)
        self.left_out += len(reasons)
        self.named.show(reasons)

    def _anywhere(self, flag):
        """Return whether flag is true on any process that shares batch statistics."""
        return any(self.comm.any(flag)) if self._synchronised else bool(flag)

    def all_reduce(self, clock):
        """Sum gradients and counts over all processes, and average the running statistics."""
        counts = [self.learned, self.loss_sum, self.left_out, self.unusable]
        counts = np.array(counts, np.float64)
        self._buckets.begin_rest()
        with clock.part("waiting"):
            self.comm.barrier()
        with clock.part("communication"):
            self.comm.sum(counts)
            if self.comm.size > 1 and not self._synchronised:
                self.comm.mean(self.model.flat_buffers)
            self._buckets.finish()
        self.learned, self.left_out, self.unusable = (int(counts[i]) for i in (0, 2, 3))
        self.loss_sum = float(counts[1])

    def reject(self):
        """Leave out all utterances of the step, as their summed gradient is not finite."""
        self._name(self._indices, "the gradient of their minibatch is not finite")
        self.left_out, self.learned = self.left_out + self.learned, 0

    def _name(self, indices, reason):
        """Print which utterances are left out, and why."""
        if indices:
            others = f" and {len(indices) - 1} others" if len(indices) > 1 else ""
            tqdm.write(f"  left out: {self.dataset.describe(indices[0])}{others}: {reason}")


def add_gradients(model, batch, scale, layer_done=None):
    """Run a minibatch forward and backward, without checks; return the losses (N,).

    For chapters and measurements. ``scale`` is the weight of each utterance's gradient; for
    ``layer_done`` see `DeepSpeech2.backward`.
    """
    logits, out_lengths = model.forward(batch.x, batch.lengths)
    loss, dlogits = ctc_loss(logits, batch.labels, out_lengths, batch.label_lengths)
    del logits  # as large as the gradient
    dlogits *= scale
    model.backward(dlogits, layer_done, to_input=False)
    return loss


def keep_statistics(model):
    """Copy the running statistics of a network; return a function that restores them."""
    kept = model.flat_buffers.copy()

    def restore():
        model.flat_buffers[...] = kept

    return restore


def describe(batch, out_lengths, n):
    """Describe what may be wrong with utterance n: its output frames, labels and repeats."""
    labels = batch.labels[n, : batch.label_lengths[n]]
    return (
        f"{out_lengths[n]} frames of output, {len(labels)} characters, "
        f"{min_frames(labels) - len(labels)} of them repeats"
    )
