"""Exercises of chapter 01: from sound to its spectrogram, and the gradient on the way back."""

import numpy as np

from ds2np.audio.frames import frame_backward, make_window
from ds2np.audio.mel import mel_filters
from ds2np.audio.stft import (
    log_backward,
    log_forward,
    power_backward,
    power_forward,
    stft_forward,
)
from ds2np.learn.exercise import Exercise


def _power_spectrum(samples, window, stride):
    return power_forward(stft_forward(samples, window, stride)[0])[0]


def _power_cases(rng):
    n = np.arange(32)
    return {
        "frames of 8, one every 4": (rng.standard_normal(32), make_window("hann", 8).copy(), 4),
        "a last piece that is no whole frame": (
            rng.standard_normal(31),
            make_window("hann", 8).copy(),
            4,
        ),
        "no window, a pure tone": (np.cos(2 * np.pi * 2 * n / 8), np.ones(8), 8),
        "frames of odd size": (rng.standard_normal(40), make_window("hamming", 9).copy(), 5),
        "one frame alone": (rng.standard_normal(8), make_window("hann", 8).copy(), 4),
        "gaps between frames": (rng.standard_normal(40), make_window("hann", 6).copy(), 11),
    }


def _overlap_add(dframes, count, stride):
    return frame_backward(dframes, (count, stride))


def _overlap_cases(rng):
    return {
        "the drawing: 4 frames of 4, one every 2, of 11 samples": (np.ones((4, 4)), 11, 2),
        "numbers at random": (rng.standard_normal((5, 6)), 18, 3),
        "a stride that does not divide the size": (rng.standard_normal((4, 7)), 17, 3),
        "samples after the last frame": (rng.standard_normal((3, 4)), 13, 4),
        "gaps between frames": (rng.standard_normal((3, 2)), 12, 5),
        "one frame alone": (rng.standard_normal((1, 5)), 5, 2),
    }


def _log_power_backward(dout, spectrum, floor):
    power, power_cache = power_forward(spectrum)
    _, log_cache = log_forward(power, floor)
    return power_backward(log_backward(dout, log_cache), power_cache)


def _log_power_cases(rng):
    def draw(T, F):
        return rng.standard_normal((T, F)) + 1j * rng.standard_normal((T, F))

    silent = draw(3, 4)
    silent[1] = 0
    return {
        "power well above the floor": (rng.standard_normal((3, 5)), draw(3, 5), 1e-10),
        "a floor that counts": (rng.standard_normal((2, 4)), draw(2, 4), 0.5),
        "a silent frame": (rng.standard_normal((3, 4)), silent, 1e-3),
        "real numbers only": (rng.standard_normal((2, 3)), draw(2, 3).real + 0j, 1e-4),
    }


def _mel_cases(rng):
    return {
        "10 bands at 16 kHz": (16_000, 320, 10),
        "one band": (8_000, 64, 1),
        "windows of odd size": (8_000, 257, 20),
        "all bands below 1000 Hz": (2_000, 128, 12),
    }


EXERCISES = (
    Exercise(
        number="01.1",
        function="power_spectrum",
        task="from samples to the power of each time and frequency",
        reference=_power_spectrum,
        cases=_power_cases,
    ),
    Exercise(
        number="01.2",
        function="mel_filters",
        task="the weights with which each frequency counts in each mel band",
        reference=mel_filters,
        cases=_mel_cases,
    ),
    Exercise(
        number="01.3",
        function="overlap_add",
        task="the backward pass of cutting into frames",
        reference=_overlap_add,
        cases=_overlap_cases,
    ),
    Exercise(
        number="01.4",
        function="log_power_backward",
        task="the gradient of log(|X|^2 + floor) by the complex X",
        reference=_log_power_backward,
        cases=_log_power_cases,
    ),
)
