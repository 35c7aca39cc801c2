"""SyncBN: batch normalisation of a minibatch shared by several processes, here threads."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ds2np.layers.batchnorm import SeqBatchNorm


class Meeting:
    """An all-reduce over threads."""

    def __init__(self, size):
        self.arrays, self.barrier = {}, threading.Barrier(size)

    def all_reduce(self, array):
        self.arrays[threading.get_ident()] = array.copy()
        self.barrier.wait(timeout=10)
        array[...] = sum(self.arrays.values())
        self.barrier.wait(timeout=10)


@pytest.mark.parametrize(
    ("shape", "time_axis"), [((5, 7, 3), 1), ((5, 3, 7, 4), 2)], ids=["sequences", "images"]
)
@pytest.mark.parametrize("parts", [[2, 3], [1, 1, 3], [5, 0]])
def test_parts_are_normalised_as_the_whole(rng, shape, time_axis, parts):
    x, dout = rng.standard_normal((2, *shape))
    lengths = np.array([7, 3, 5, 1, 6])

    def make(all_reduce=None):
        layer = SeqBatchNorm(3, time_axis, dtype=np.float64)
        layer.params["gamma"][...] = [0.5, 2, -1]
        if all_reduce:
            layer.all_reduce = all_reduce
        return layer

    def run(layer, rows):
        if not len(rows):  # without utterances: one of no frames
            empty = np.zeros((1, *shape[1:]))
            return layer.forward(empty, np.array([0])), layer.backward(empty), layer
        return layer.forward(x[rows], lengths[rows]), layer.backward(dout[rows]), layer

    cuts = np.split(np.arange(5), np.cumsum(parts)[:-1])
    meeting = Meeting(len(parts))
    with ThreadPoolExecutor(len(parts)) as pool:
        results = list(pool.map(run, [make(meeting.all_reduce) for _ in cuts], cuts))
    whole_out, whole_dx, whole = run(make(), np.arange(5))
    filled = [i for i, rows in enumerate(cuts) if len(rows)]
    for expected, part in ((whole_out, 0), (whole_dx, 1)):
        joined = np.concatenate([results[i][part] for i in filled])
        np.testing.assert_allclose(joined, expected, rtol=1e-12, atol=1e-13)
    for name, grad in whole.grads.items():
        total = sum(layer.grads[name] for _, _, layer in results)
        np.testing.assert_allclose(total, grad, rtol=1e-12, atol=1e-13)
    for name, statistic in whole.buffers.items():
        for _, _, layer in results:
            np.testing.assert_allclose(layer.buffers[name], statistic, rtol=1e-12)
