"""The network's outputs over a dataset: what evaluation, tuning, reports and lessons read."""

from ds2np.data.batches import prefetch
from ds2np.parallel.communicator import Communicator


def network_outputs(recogniser, dataset, batch_size=16, batch_seconds=200.0, comm=None):
    """Run a recogniser's network over a dataset, in order of length: little padding.

    Parameters
    ----------
    recogniser : Recogniser
    dataset : Dataset
    batch_size : int
    batch_seconds : float
        Most sound of a minibatch, including padding.
    comm : Communicator, optional
        Connects processes that share the minibatches among them.

    Yields
    ------
    batch : Batch
        Its indices name the utterances.
    log_probs : ndarray of shape (N, T, V)
    lengths : ndarray of shape (N,)
    """
    comm = comm or Communicator()
    plan = dataset.plan(1, batch_size, batch_seconds)
    for batch in prefetch(dataset, plan[comm.rank :: comm.size]):
        yield batch, *recogniser.log_probs(batch.x, batch.lengths)
