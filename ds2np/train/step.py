"""One step of training: the gradients of some minibatches, of all processes, then the update."""

from collections import namedtuple

import numpy as np
from tqdm import tqdm

from ds2np.layers.batchnorm import sync_batchnorm
from ds2np.parallel.buckets import Buckets
from ds2np.train.gradients import add_gradients, describe

# Of all processes together: utterances learned from, sum of their losses, utterances left out; and
# the norm of the gradients, not finite if nothing was learned.
Outcome = namedtuple("Outcome", "learned loss_sum left_out norm")


class Stepper:
    """Makes steps.

    Parameters
    ----------
    model : DeepSpeech2
        In training mode.
    dataset : Dataset
        Names the utterances that have to be left out.
    optimiser : SGD
    config : TrainingConfig
    comm : Communicator
        Connects the processes that train this network, each by its part of every minibatch.
    """

    def __init__(self, model, dataset, optimiser, config, comm):
        self.model, self.dataset, self.optimiser = model, dataset, optimiser
        self.config, self.comm = config, comm
        self._buckets = Buckets(model, comm)
        self._shares_statistics = config.sync_batchnorm and comm.size > 1
        self._anywhere = bool  # of what is broken, all that share statistics have to know
        if self._shares_statistics:
            self._anywhere = lambda flag: any(comm.any(flag))
            sync_batchnorm(model.layers, comm.sum)

    def step(self, batches, count, clock):
        """Add up the gradients of the next minibatches and move the weights.

        Parameters
        ----------
        batches : iterator of Batch
        count : int
            How many minibatches.
        clock : Clock

        Returns
        -------
        Outcome
        """
        self.model.zero_grads()
        scale = 1 / (self.config.batch_size * self.config.accumulate)
        learned, loss_sum, left_out = [], 0.0, 0
        for last in [False] * (count - 1) + [True]:
            batch = next(batches)
            done = self._buckets.layer_done if last else None
            loss, out_lengths = add_gradients(self.model, batch, scale, clock, done, self._anywhere)
            fine = np.isfinite(loss)
            for n in np.flatnonzero(~fine):
                self._leave_out([batch.indices[n]], f"its loss is {loss[n]}; needed is a number")
                tqdm.write(f"    {describe(batch, out_lengths, n)}")
                left_out += 1
            learned.extend(batch.indices[fine])
            loss_sum += float(loss[fine].sum(dtype=np.float64))
        by_all, loss_sum, left_out = self._add_up([len(learned), loss_sum, left_out], clock)
        norm = float("nan")
        if by_all:
            with clock.part("update"):
                norm = self.optimiser.step()
            if not np.isfinite(norm):
                self._leave_out(learned, "the gradient of their minibatch is not finite")
                by_all, left_out = 0, left_out + by_all
        return Outcome(int(by_all), loss_sum, int(left_out), norm)

    def _add_up(self, counts, clock):
        """Add up gradients and counts over all processes, and average the running statistics."""
        counts = np.array(counts, np.float64)
        self._buckets.begin_rest()
        with clock.part("waiting"):
            self.comm.barrier()
        with clock.part("communication"):
            self.comm.sum(counts)
            if self.comm.size > 1 and not self._shares_statistics:
                for statistic in self.model.buffers.values():
                    self.comm.mean(statistic)
            self._buckets.finish()
        return counts.tolist()

    def _leave_out(self, indices, reason):
        if indices:
            others = f" and {len(indices) - 1} others" if len(indices) > 1 else ""
            tqdm.write(f"  left out: {self.dataset.describe(indices[0])}{others}: {reason}")
