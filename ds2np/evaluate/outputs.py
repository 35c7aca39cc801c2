"""The network's outputs over a dataset, for evaluation and analysis."""

from ds2np.data.batches import distribute, prefetch
from ds2np.parallel.communicator import Communicator


def network_outputs(recogniser, dataset, batch_size=16, batch_seconds=200.0, comm=None):
    """Run a recogniser's network over a dataset, sorted by length to save padding.

    The arguments are those of `ds2np.evaluate.evaluate`; processes share the minibatches.

    Yields
    ------
    batch : Batch
        Without utterances if all of its recordings are unusable; see ``unusable``.
    log_probs : ndarray of shape (N, T, V)
    lengths : ndarray of shape (N,)
    """
    comm = comm or Communicator()
    plan = dataset.plan(1, batch_size, batch_seconds)
    for batch in prefetch(dataset, distribute(plan, dataset.frames, comm.rank, comm.size)):
        yield batch, *recogniser.log_probs(batch.x, batch.lengths)
