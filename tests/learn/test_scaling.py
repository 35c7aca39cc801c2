import dataclasses

import numpy as np
import pytest

from ds2np.learn import simulate
from ds2np.learn.scaling import (
    PAPER_GPUS,
    Step,
    all_reduce_seconds,
    linearity,
    step_seconds,
    strong_scaling,
    weak_scaling,
)

STEP = Step(compute=1.0, gradient_bytes=4e8, latency=5e-6, bandwidth=5e9)


@pytest.mark.parametrize("algorithm", ["naive", "tree", "ring"])
@pytest.mark.parametrize("gpus", [1, 2, 3, 8, 10])
def test_the_cost_is_that_of_the_simulated_rounds(algorithm, gpus):
    _, network = getattr(simulate, algorithm)([np.zeros(840)] * gpus)
    size, latency, bandwidth = 840 * 8, 1e-5, 1e6
    message = size / gpus if algorithm == "ring" else size
    expected = network.rounds * (latency + message / bandwidth)
    got = all_reduce_seconds(algorithm, gpus, size, latency, bandwidth)
    assert got == pytest.approx(expected)


def test_one_gpu_waits_for_nobody():
    assert step_seconds(STEP, 1) == (1.0, 0.0)
    for scaling in (weak_scaling, strong_scaling):
        (point,) = scaling(STEP, [1])
        assert (point.speed_up, point.efficiency) == (1, 1)


def test_the_backward_pass_hides_communication_but_no_more_than_it_lasts():
    visible = step_seconds(STEP, 8)[1]
    half = dataclasses.replace(STEP, overlap=0.5)
    assert step_seconds(half, 8)[1] == pytest.approx(visible / 2)
    slow = dataclasses.replace(STEP, overlap=1.0, bandwidth=4e8)  # 1.75 s of communication
    assert step_seconds(slow, 8)[1] == pytest.approx(1.75 - 2 / 3, abs=1e-3)
    assert step_seconds(dataclasses.replace(STEP, overlap=1.0), 8) == (1.0, 0.0)


def test_weak_scaling_by_hand():
    point = weak_scaling(STEP, [8])[0]
    waiting = 14 * (5e-6 + 5e7 / 5e9)
    assert point.waiting == pytest.approx(waiting)
    assert point.seconds == pytest.approx(1 + waiting)
    assert point.speed_up == pytest.approx(8 / (1 + waiting))


def test_strong_scaling_by_hand():
    point = strong_scaling(STEP, [8])[0]
    waiting = 14 * (5e-6 + 5e7 / 5e9)
    assert point.seconds == pytest.approx(1 / 8 + waiting)
    assert point.efficiency == pytest.approx(point.speed_up / 8)


def test_the_ring_scales_as_the_paper_says_and_the_naive_way_does_not():
    assert linearity(weak_scaling(STEP)) > 0.99
    naive = dataclasses.replace(STEP, algorithm="naive")
    assert linearity(weak_scaling(naive)) < 0.5
    assert linearity(strong_scaling(STEP)) < linearity(weak_scaling(STEP))


def test_a_perfect_network_is_a_straight_line():
    perfect = dataclasses.replace(STEP, gradient_bytes=0, latency=0)
    for scaling in (weak_scaling, strong_scaling):
        points = scaling(perfect)
        assert [point.gpus for point in points] == list(PAPER_GPUS)
        assert linearity(points) == pytest.approx(1)


def test_trees_beat_the_ring_for_short_arrays_only():
    short, long = (dataclasses.replace(STEP, gradient_bytes=n) for n in (4, 4e8))
    for step, winner in ((short, "tree"), (long, "ring")):
        seconds = {
            name: step_seconds(dataclasses.replace(step, algorithm=name), 64)[0]
            for name in ("naive", "tree", "ring")
        }
        assert min(seconds, key=seconds.get) == winner
