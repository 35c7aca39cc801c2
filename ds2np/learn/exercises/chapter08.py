"""Exercises of chapter 08: noise, phase vocoder and reverberation."""

import numpy as np

from ds2np.audio.effects import add_noise, reverberate
from ds2np.audio.vocoder import accumulate_turns
from ds2np.learn.exercise import Exercise


def _noise_cases(rng):
    def draw(count, size=1.0):
        return size * rng.standard_normal(count)

    return {
        "signals of equal power": (
            np.array([1.0, -1.0, 1.0, -1.0]),
            np.array([2.0, 2.0, -2.0, 2.0]),
            0,
        ),
        "20 dB": (draw(50), draw(50, 3), 20),
        "noise louder than the sound": (draw(30, 0.1), draw(30), -6.0),
        "a fractional ratio": (draw(30), draw(30), 7.5),
        "a pause in the sound": (np.concatenate([np.zeros(40), draw(10)]), draw(50), 10),
        "a very soft sound": (draw(20, 1e-7), draw(20), 10),
        "very soft noise": (draw(20), draw(20, 1e-7), 10),
        "silent noise": (draw(20), np.zeros(20), 10),
        "a silent sound": (np.zeros(20), draw(20), 10),
    }


def _turns_cases(rng):
    def draw(K, F):
        return rng.standard_normal((K, F)) + 1j * rng.standard_normal((K, F))

    k = np.arange(6)[:, None]
    tone = 2.0 * np.exp(1j * (0.5 + 3 * k))  # 3 rad between frames; 2 rad per stride
    silent, later = draw(5, 2), draw(5, 2)
    silent[2], later[2] = 0, 0
    return {
        "a tone in one frequency": (tone, tone * np.exp(2j)),
        "several frequencies with independent phases": (draw(7, 4), draw(7, 4)),
        "a silent frame": (silent, later),
        "a single frame": (draw(1, 3), draw(1, 3)),
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
        "the direct sound comes first": (draw(40), response(12, 0)),
        "the direct sound comes later": (draw(40), response(12, 5)),
        "the direct sound is the largest, and negative": (draw(20), negative),
        "a response longer than the sound": (draw(9), response(30, 3)),
        "a loud response": (draw(25), 50 * response(8, 1)),
        "a very soft sound": (1e-7 * draw(12), response(5, 1)),
        "a very soft response": (draw(12), 1e-7 * response(5, 1)),
        "a silent response": (draw(10), np.zeros(4)),
        "a silent sound": (np.zeros(10), response(4, 0)),
    }


EXERCISES = (
    Exercise(
        "08.1", "add_noise", "noise at a signal-to-noise ratio in dB", add_noise, _noise_cases
    ),
    Exercise(
        "08.2",
        "accumulate_turns",
        "phases accumulated from frame to frame, for the phase vocoder",
        accumulate_turns,
        _turns_cases,
    ),
    Exercise(
        "08.3", "reverberate", "reverberation by an impulse response", reverberate, _room_cases
    ),
)
