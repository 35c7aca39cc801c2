"""How much of the communication does the backward pass hide, on a link slowed on purpose?

    mpiexec -n 2 python tests/benchmarks/overlap.py [--megabytes-per-second 20] [--steps 10]

Gradients travel by MPI, and each bucket arrives no sooner than a link of that speed would bring it,
one after the other. The same steps are made with buckets that leave during the backward pass and,
in turn, with all of them leaving after it; what waits in the end is what was not hidden.
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class SlowLink:
    """A communicator whose arrays arrive late.

    Parameters
    ----------
    communicator : Communicator
    bytes_per_second : float
    """

    def __init__(self, communicator, bytes_per_second):
        self._inner, self._speed = communicator, bytes_per_second
        self._free_at = self.busy = 0.0  # seconds on the link, in all

    def begin_sum(self, array):
        """Begin a sum that is there when the link has carried it."""
        from ds2np.parallel.communicator import Handle

        duration = array.nbytes / self._speed
        self._free_at = max(self._free_at, time.perf_counter()) + duration
        self.busy += duration
        handle, arrival = self._inner.begin_sum(array), self._free_at

        def wait():
            handle.wait()
            time.sleep(max(0.0, arrival - time.perf_counter()))

        return Handle(wait)


def measure(communicator, megabytes_per_second, steps, preset_name="small", N=8, seconds=3):
    """Make steps with and without overlap, in turn.

    Returns
    -------
    dict
        Shares of the link's time that were hidden, with overlap and without, and the seconds of a
        step in both.
    """
    import numpy as np

    from ds2np.data.batches import Batch
    from ds2np.model import DeepSpeech2, preset
    from ds2np.parallel.buckets import Buckets
    from ds2np.train.step import add_gradients

    model = DeepSpeech2(preset(preset_name))
    rng, T = np.random.default_rng(communicator.rank), 100 * seconds
    x = rng.standard_normal((N, T, model.config.features), np.float32)
    labels, label_lengths = rng.integers(1, 20, (N, 8)), np.full(N, 8)
    batch = Batch(np.arange(N), x, np.full(N, T), labels, label_lengths)
    link = SlowLink(communicator, 1e6 * megabytes_per_second)
    buckets = Buckets(model, link, smallest=2**17)
    results = {"overlap": [], "afterwards": []}
    for step in range(2 * steps + 2):  # the first of each kind warms up
        kind = "overlap" if step % 2 else "afterwards"
        communicator.barrier()
        model.zero_grads()
        link.busy, began = 0.0, time.perf_counter()
        done = buckets.layer_done if kind == "overlap" else None
        add_gradients(model, batch, 1 / N, done)
        backward_over = time.perf_counter()
        buckets.finish()
        ended = time.perf_counter()
        if step > 1:
            hidden = 1 - (ended - backward_over) / link.busy
            results[kind].append((hidden, ended - began))
    return {kind: np.median(values, axis=0).tolist() for kind, values in results.items()}


def main():
    """Measure and print."""
    sys.path.insert(0, str(ROOT))
    from ds2np import machine

    machine.tune()
    from ds2np.parallel import connect

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes-per-second", type=float, default=20)
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()
    with connect() as communicator:
        results = measure(communicator, args.megabytes_per_second, args.steps)
        if communicator.rank == 0:
            for kind, (hidden, seconds) in results.items():
                print(f"{kind}: {100 * hidden:.0f} % hidden, {seconds:.3f} s a step")


if __name__ == "__main__":
    main()
