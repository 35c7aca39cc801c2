import time

import numpy as np
import pytest
from helpers import toys

from ds2np.model import DeepSpeech2
from ds2np.parallel.buckets import Buckets
from ds2np.parallel.communicator import Communicator, Handle


class Recorder(Communicator):
    """Doubles an array when its sum is waited for, and records all arrays."""

    def __init__(self):
        self.given = []

    def begin_sum(self, array):
        self.given.append(array)

        def wait():
            array[...] *= 2

        return Handle(wait)


@pytest.fixture
def model():
    model = DeepSpeech2(toys.MODEL)
    model.flat_grads[...] = np.arange(1, 1 + len(model.flat_grads))
    return model


@pytest.mark.parametrize("smallest", [1, 100, 10**9])
def test_every_gradient_is_summed_once(model, smallest):
    recorder = Recorder()
    buckets = Buckets(model, recorder, smallest)
    for step in (1, 2):
        for name in reversed(model.sublayers):
            buckets.layer_done(name)
        buckets.finish()
        expected = 2**step * np.arange(1, 1 + len(model.flat_grads), dtype=np.float32)
        np.testing.assert_array_equal(model.flat_grads, expected)


def test_buckets_are_sent_as_soon_as_they_are_complete(model):
    recorder = Recorder()
    buckets = Buckets(model, recorder, smallest=1)
    sent = []
    for name, layer in reversed(model.sublayers.items()):
        buckets.layer_done(name)
        sent.append(sum(array.size for array in recorder.given))
        sizes = [grad.size + -grad.size % 64 for grad in layer.grads.values()]  # see `flat_size`
        assert sent[-1] - sum(sent[-2:-1]) == sum(sizes)
    assert sent[-1] == len(model.flat_grads)


def test_small_layers_wait_for_others(model):
    recorder = Recorder()
    buckets = Buckets(model, recorder, smallest=10**9)
    *others, first = [n for n, layer in reversed(model.sublayers.items()) if layer.grads]
    for name in others:
        buckets.layer_done(name)
    assert not recorder.given
    buckets.layer_done(first)
    assert [array.size for array in recorder.given] == [len(model.flat_grads)]


def test_without_a_backward_pass_all_buckets_are_sent_at_the_end(model):
    with_pass, without = Recorder(), Recorder()
    for recorder, names in ((with_pass, reversed(model.sublayers)), (without, ())):
        buckets = Buckets(model, recorder, smallest=100)
        for name in names:
            buckets.layer_done(name)
        buckets.finish()
    sizes = [[array.size for array in recorder.given] for recorder in (with_pass, without)]
    assert sizes[0] == sizes[1]  # the other ranks may have had a backward pass


def test_a_slow_link_is_hidden_behind_the_backward_pass(model):
    numbers, on_the_link = len(model.flat_grads), 0.2  # seconds for all

    class SlowLink(Communicator):
        free_at = 0.0

        def begin_sum(self, array):
            now = time.perf_counter()
            self.free_at = arrival = max(self.free_at, now) + on_the_link * array.size / numbers
            return Handle(lambda: time.sleep(max(0.0, arrival - time.perf_counter())))

    buckets = Buckets(model, SlowLink(), smallest=100)
    for name in reversed(model.sublayers):
        time.sleep(0.05)  # the layer's backward pass
        buckets.layer_done(name)
    began = time.perf_counter()
    buckets.finish()
    assert time.perf_counter() - began < 0.5 * on_the_link
