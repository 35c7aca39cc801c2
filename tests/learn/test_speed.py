"""Answers that have to be faster than a slow form: judged by a ratio, measured in turn."""

import itertools
import time
from dataclasses import replace

import pytest

from ds2np.learn import speed
from ds2np.learn.exercise import CORRECT, WRONG, Exercise
from ds2np.learn.speed import Speed


class Clock:
    """A clock that only the functions below move on, so that a ratio is what it has to be."""

    now = 0.0

    def perf_counter(self):
        return self.now

    def taking(self, *seconds):
        """Return a function that doubles its argument and takes these seconds, in turn."""
        calls = itertools.cycle(seconds)

        def double(x):
            self.now += next(calls)
            return 2 * x

        return double


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(speed, "time", clock)
    return clock


def exercise(slow, factor=10):
    def cases(rng):
        return {"two numbers": (rng.standard_normal(2),), "many": (rng.standard_normal(100),)}

    return Exercise("99.1", "double", "", lambda x: 2 * x, cases, speed=Speed(slow, "many", factor))


def test_a_fast_answer_is_correct(clock):
    assert exercise(clock.taking(1)).check(clock.taking(0.09)).state == CORRECT


def test_a_slow_answer_is_wrong_and_told_by_how_much(clock):
    verdict = exercise(clock.taking(1)).check(clock.taking(0.25))
    assert verdict.state == WRONG
    assert verdict.reason == (
        "the result is right, but not fast: 4.0 times as fast as the slow form; "
        "expected 10 times or more (case: many)"
    )


def test_a_fast_wrong_answer_is_told_what_is_wrong(clock):
    verdict = exercise(clock.taking(1)).check(lambda x: 3 * x)
    assert verdict.state == WRONG
    assert "expected" in verdict.reason
    assert "fast" not in verdict.reason


def test_the_best_of_several_runs_counts(clock):
    assert exercise(clock.taking(1)).check(clock.taking(3, 0.09, 5)).state == CORRECT
    assert exercise(clock.taking(1, 9, 9)).check(clock.taking(0.25)).state == WRONG


def test_without_a_speed_the_clock_does_not_count(clock):
    assert replace(exercise(clock.taking(1)), speed=None).check(clock.taking(5)).state == CORRECT


def test_the_real_clock_tells_waiting_from_working():
    def slow(x):
        time.sleep(0.002)
        return 2 * x

    assert exercise(slow).check(lambda x: 2 * x).state == CORRECT
    assert exercise(slow).check(slow).state == WRONG
