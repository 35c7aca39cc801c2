"""Exercises of chapter 01: the spectrogram and its backward pass."""

import numpy as np

from ds2np.audio.frames import frame_backward, make_window
from ds2np.audio.mel import mel_filters
from ds2np.audio.stft import log_backward, log_forward, power_backward, power_forward, stft_forward
from ds2np.learn.exercise import Exercise


def _power_spectrum(samples, window, stride):
    return power_forward(stft_forward(samples, window, stride)[0])[0]


def _power_cases(rng):
    n = np.arange(32)
    return {
        "frames of 8, one every 4": (rng.standard_normal(32), make_window("hann", 8).copy(), 4),
        "samples left over at the end": (rng.standard_normal(31), make_window("hann", 8).copy(), 4),
        "no window, a pure tone": (np.cos(2 * np.pi * 2 * n / 8), np.ones(8), 8),
        "frames of odd size": (rng.standard_normal(40), make_window("hamming", 9).copy(), 5),
        "a single frame": (rng.standard_normal(8), make_window("hann", 8).copy(), 4),
        "gaps between frames": (rng.standard_normal(40), make_window("hann", 6).copy(), 11),
    }


def _overlap_add(dframes, count, stride):
    return frame_backward(dframes, (count, stride))


def _overlap_cases(rng):
    return {
        "as drawn: 4 frames of 4, one every 2, of 11 samples": (np.ones((4, 4)), 11, 2),
        "random numbers": (rng.standard_normal((5, 6)), 18, 3),
        "a stride that does not divide the size": (rng.standard_normal((4, 7)), 17, 3),
        "samples after the last frame": (rng.standard_normal((3, 4)), 13, 4),
        "gaps between frames": (rng.standard_normal((3, 2)), 12, 5),
        "a single frame": (rng.standard_normal((1, 5)), 5, 2),
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
        "a floor that matters": (rng.standard_normal((2, 4)), draw(2, 4), 0.5),
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
        "01.1",
        "power_spectrum",
        "power spectrum of each frame",
        _power_spectrum,
        _power_cases,
        package=stft_forward,
    ),
    Exercise(
        "01.2", "mel_filters", "weight of each frequency in each mel band", mel_filters, _mel_cases
    ),
    Exercise(
        "01.3",
        "overlap_add",
        "backward pass of cutting into frames",
        _overlap_add,
        _overlap_cases,
        package=frame_backward,
    ),
    Exercise(
        "01.4",
        "log_power_backward",
        "gradient of log(|X|^2 + floor) with respect to the complex X",
        _log_power_backward,
        _log_power_cases,
        package=power_backward,
    ),
)
