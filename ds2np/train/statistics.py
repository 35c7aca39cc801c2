"""Mean and standard deviation of the features of a training set, for the layer `InputNorm`."""

import numpy as np
from tqdm import tqdm

from ds2np.audio.normalisation import Moments
from ds2np.data.batches import distribute, prefetch
from ds2np.errors import UserError
from ds2np.parallel.communicator import Communicator

MAX_MEASURED = 2000  # utterances: hours of sound, enough for these statistics


def set_input_statistics(model, dataset, seed=0, comm=None):
    """Measure the features of a training set, and set the statistics of `InputNorm` (CMVN).

    Of a large corpus, a random subset drawn with ``seed`` is measured, without unusable recordings,
    which training will name. A network that normalises by utterance needs no statistics. Processes
    connected by ``comm`` share the work, and all get the same statistics.

    Raises
    ------
    UserError
        If no recording is usable.
    """
    if model.config.normalisation == "utterance":
        return
    comm = comm or Communicator()
    chosen = np.random.default_rng(seed).permutation(len(dataset))[:MAX_MEASURED]
    plan = np.array_split(np.sort(chosen), -(-len(chosen) // 16))
    plan = distribute(plan, dataset.frames, comm.rank, comm.size)
    total, reasons = Moments(), {}
    bar = {"desc": "measuring features", "disable": not comm.is_main}
    for batch in tqdm(prefetch(dataset, plan), total=len(plan), delay=1, leave=False, **bar):
        for i in range(len(batch.indices)):
            total += Moments.of(batch.x[i, : batch.lengths[i]])
        reasons |= batch.unusable
    total = sum(map(Moments.from_json, comm.gather(total.to_json())), Moments())
    if not total.count:
        raise UserError(f"no recording is usable: {next(iter(reasons.values()), 'see above')}")
    for name in ("mean", "std"):
        buffer = model.buffers[f"input_norm.{name}"]
        buffer[...] = model.to_device(getattr(total, name).astype(buffer.dtype))
