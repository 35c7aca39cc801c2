"""Where speech begins in a stream."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ds2np.decode import GreedyDecoder
from ds2np.streaming import Pauses, Session
from ds2np.streaming.onset import OnsetFinder

from .test_pauses import CONFIG

HOP = 16  # samples, 10 ms


def begins(sound, sizes=(), **rules):
    """Return where a session begins its first utterance, in samples; None if nowhere."""
    rules = dataclasses.replace(Pauses(), **rules)
    session = Session(CONFIG, GreedyDecoder(CONFIG.alphabet()), None, rules)
    at = 0
    for size in (*sizes, len(sound)):
        session.push(sound[at : at + size])
        at += size
        if session.take():
            return session._start
    session.finish()
    begun = session.take() is not None
    assert begun != session.finished
    return session._start if begun else None


def make(seconds, level, rng):
    return (level * rng.standard_normal(round(1600 * seconds))).astype(np.float32)


@pytest.mark.parametrize("background", [0, 1e-5, 1e-4, 1e-3])
@pytest.mark.parametrize("quiet", [0.5, 2.0, 30.0])
def test_an_utterance_begins_shortly_before_speech(background, quiet, rng):
    sound = np.concatenate([make(quiet, background, rng), make(1, 0.1, rng)])
    start = begins(sound, lead=0.1)
    assert start == pytest.approx(1600 * (quiet - 0.1), abs=2 * HOP)


@pytest.mark.parametrize("level", [0.3, 0.01, 0.004])
def test_speech_at_the_beginning_is_found_at_once(level, rng):
    assert begins(make(1, level, rng)) == 0


def test_soft_speech_is_found_in_a_quiet_room(rng):
    """At -66 dB of full scale."""
    sound = np.concatenate([make(1, 1e-5, rng), make(1, 5e-4, rng)])
    assert begins(sound, lead=0.1) == pytest.approx(1600 * 0.9, abs=2 * HOP)


def test_after_speech_comes_quiet(rng):
    """What was loud is forgotten."""
    finder = OnsetFinder(0.01, 10)
    quiet, loud = (make(1, level, rng).reshape(-1, HOP) for level in (1e-4, 0.1))
    assert finder.find(np.concatenate([quiet, loud])) == 100
    assert finder.find(quiet) == 100


def test_no_speech_needs_no_network(rng):
    assert begins(make(20, 1e-4, rng)) is None
    assert begins(make(20, 1e-4, rng), louder=0) == 0


def test_a_noise_that_stays_becomes_the_background(rng):
    finder = OnsetFinder(0.01, 10)
    hops = make(30, 0.03, rng).reshape(-1, HOP)  # -30 dB: 30 above what was assumed
    found = []
    while len(hops):
        at = finder.find(hops)
        hops = hops[at + 1 :]
        found.append(at)
    assert found[0] == 0
    finder._background = 1e-3
    assert finder.find(make(5, 0.03, rng).reshape(-1, HOP)) == 500


@settings(deadline=None, derandomize=True, max_examples=30)
@given(sizes=st.lists(st.integers(0, 700), max_size=9), quiet=st.integers(0, 3000))
def test_it_does_not_depend_on_the_pieces(sizes, quiet):
    rng = np.random.default_rng(quiet)
    sound = np.concatenate([make(quiet / 1600, 1e-4, rng), make(0.6, 0.1, rng)])
    assert begins(sound, sizes) == begins(sound)
