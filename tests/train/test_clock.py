"""The times of the parts of training on a GPU; test_step.py has those of the program."""

import importlib.util

import numpy as np
import pytest

from ds2np.backend import to_gpu, why_no_gpu
from ds2np.train import clock as module
from ds2np.train.clock import PARTS, Clock


class Event:
    """An event of a GPU that gets there when it is told to."""

    def __init__(self, queue):
        self.queue, self.time = queue, None
        queue.append(self)

    @property
    def done(self):
        return self.time is not None

    def synchronize(self):
        for event in self.queue:
            event.time = event.time or 100.0


def test_times_of_a_gpu_are_read_once_it_gets_there(monkeypatch):
    queue = []
    monkeypatch.setattr(module, "mark_time", lambda: Event(queue))
    monkeypatch.setattr(module, "elapsed", lambda began, ended: ended.time - began.time)
    clock = Clock(on_gpu=True)
    with clock.part("forward"):
        pass
    with clock.part("ctc"):
        pass
    assert not any(clock.seconds.values())  # the program is ahead of the GPU
    for event, seconds in zip(queue, (1.0, 3.0, 3.0), strict=False):
        event.time = seconds
    with clock.part("backward"):
        pass
    assert clock.seconds == dict.fromkeys(PARTS, 0.0) | {"forward": 2.0}
    clock.settle()
    assert clock.seconds == dict.fromkeys(PARTS, 0.0) | {"forward": 2.0, "ctc": 97.0}
    clock.settle()


@pytest.mark.gpu
def test_it_counts_the_work_of_a_gpu_and_does_not_wait():
    if why_no_gpu():
        pytest.skip(f"no GPU: {why_no_gpu()}")
    fakegpu = importlib.util.find_spec("fakegpu") and importlib.import_module("fakegpu")
    clock, x = Clock(on_gpu=True), to_gpu(np.ones((50, 50), np.float32))
    waits = fakegpu and fakegpu.counts()["sync"]
    for _ in range(3):
        with clock.part("forward"):
            x @ x
    assert not fakegpu or fakegpu.counts()["sync"] == waits
    clock.settle()
    assert clock.seconds["forward"] > 0
    assert sum(clock.seconds.values()) == clock.seconds["forward"]
