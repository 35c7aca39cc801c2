"""Exercises of chapter 08: noise at a ratio, phases that go on, and rooms."""

import numpy as np

from ds2np.audio.effects import add_noise, reverberate
from ds2np.audio.vocoder import accumulate_turns
from ds2np.learn.exercise import Exercise


def _noise_cases(rng):
    def draw(count, size=1.0):
        return size * rng.standard_normal(count)

    return {
        "both equally loud": (np.array([1.0, -1.0, 1.0, -1.0]), np.array([2.0, 2.0, -2.0, 2.0]), 0),
        "20 dB": (draw(50), draw(50, 3), 20),
        "a noise louder than the sound": (draw(30, 0.1), draw(30), -6.0),
        "a ratio that is no whole number": (draw(30), draw(30), 7.5),
        "a pause in the sound": (np.concatenate([np.zeros(40), draw(10)]), draw(50), 10),
        "a silent noise": (draw(20), np.zeros(20), 10),
        "a silent sound": (np.zeros(20), draw(20), 10),
    }


def _turns_cases(rng):
    def draw(K, F):
        return rng.standard_normal((K, F)) + 1j * rng.standard_normal((K, F))

    k = np.arange(6)[:, None]
    tone = 2.0 * np.exp(1j * (0.5 + 3 * k))  # taken every 3 rad; a stride later it turns by 2
    silent, later = draw(5, 2), draw(5, 2)
    silent[2], later[2] = 0, 0
    return {
        "a tone in one frequency": (tone, tone * np.exp(2j)),
        "several frequencies, each with turns of its own": (draw(7, 4), draw(7, 4)),
        "a silent frame": (silent, later),
        "one frame alone": (draw(1, 3), draw(1, 3)),
        "500 frames": (draw(500, 2), draw(500, 2)),
    }


def _room_cases(rng):
    def draw(count):
        return rng.standard_normal(count)

    def response(count, direct):
        echoes = rng.uniform(-0.5, 0.5, count)
        echoes[direct] = 1.0
        return echoes

    negative = response(6, 2)
    negative[2] = -2.0
    click = np.zeros(8)
    click[2] = 1.0
    return {
        "a click and two echoes": (click, np.array([1.0, 0.0, 0.5, 0.25])),
        "the straight sound comes first": (draw(40), response(12, 0)),
        "the straight sound comes later": (draw(40), response(12, 5)),
        "the straight sound is the largest, and negative": (draw(20), negative),
        "a response longer than the sound": (draw(9), response(30, 3)),
        "a loud response": (draw(25), 50 * response(8, 1)),
        "a silent response": (draw(10), np.zeros(4)),
        "a silent sound": (np.zeros(10), response(4, 0)),
    }


EXERCISES = (
    Exercise(
        number="08.1",
        function="add_noise",
        task="add a noise at a signal-to-noise ratio in decibels",
        reference=add_noise,
        cases=_noise_cases,
    ),
    Exercise(
        number="08.2",
        function="accumulate_turns",
        task="phases that turn on from frame to frame, as the phase vocoder needs them",
        reference=accumulate_turns,
        cases=_turns_cases,
    ),
    Exercise(
        number="08.3",
        function="reverberate",
        task="let a sound be heard in a room: in its time, and as loud as it was",
        reference=reverberate,
        cases=_room_cases,
    ),
)
