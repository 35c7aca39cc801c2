"""Mandarin's tones are contours of the pitch: augmentation may move them, but not bend them."""

import numpy as np
import pytest

from ds2np.audio.effects import change_speed
from ds2np.audio.vocoder import pitch_shift, time_stretch

RATE = 16_000
SIZE = 512  # 32 ms, as in `augment`
# Pitch over a syllable, in fifths of an octave above 120 Hz: high, rising, dipping, falling.
TONES = {"55": (4, 4), "35": (2, 4), "214": (1, 0, 3), "51": (4, 0)}


def speak(levels, seconds=0.5):
    """Make a buzz of ten harmonics whose pitch goes through some levels."""
    t = np.linspace(0, 1, round(seconds * RATE))
    hertz = 120 * 2 ** (np.interp(t, np.linspace(0, 1, len(levels)), levels) / 5)
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 11))
    return (0.2 * sound).astype(np.float32)


def contour(samples, points=12):
    """Measure the pitch at some places of a sound by autocorrelation, in octaves above 1 Hz."""
    width, shortest, longest = 1024, RATE // 400, RATE // 70
    starts = np.linspace(width, len(samples) - 3 * width, points).astype(int)
    frames = np.stack([samples[s : s + 2 * width] for s in starts]) * np.hanning(2 * width)
    power = np.abs(np.fft.rfft(frames, 4 * width)) ** 2
    correlation = np.fft.irfft(power)[:, :longest]
    period = shortest + correlation[:, shortest:].argmax(axis=1)
    return np.log2(RATE / period)


@pytest.mark.parametrize("semitones", [-2, 2])
@pytest.mark.parametrize("tone", TONES)
def test_a_shift_by_a_constant_factor_keeps_the_contour(tone, semitones):
    sound = speak(TONES[tone])
    before, after = contour(sound), contour(pitch_shift(sound, semitones, SIZE))
    np.testing.assert_allclose(after - before, semitones / 12, atol=0.03)


@pytest.mark.parametrize("tone", TONES)
def test_speed_moves_and_stretching_keeps_the_pitch_of_a_contour(tone):
    sound = speak(TONES[tone])
    np.testing.assert_allclose(
        contour(change_speed(sound, 1.1)) - contour(sound), np.log2(1.1), atol=0.06
    )
    np.testing.assert_allclose(
        contour(time_stretch(sound, 0.9, SIZE)) - contour(sound), 0, atol=0.06
    )


def test_the_measure_tells_the_tones_apart():
    """A shift that changed one tone into another would be noticed."""
    contours = [contour(speak(levels)) for levels in TONES.values()]
    shapes = [each - each.mean() for each in contours]
    for place, shape in enumerate(shapes):
        for other in shapes[:place]:
            assert np.abs(shape - other).max() > 0.08
