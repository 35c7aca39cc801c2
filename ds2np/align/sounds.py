"""Sounds that are no speech, made by formulas: noise and music, to spoil alignments with."""

import numpy as np

SECONDS = 6.0
LEVEL = 0.1  # root mean square, of full scale


def make_noises(rng, rate):
    """Return noises (samples,): white, of a street, of a crowd's rhythm, and the hum of mains."""
    count = round(SECONDS * rate)
    t = np.arange(count) / rate
    white = rng.standard_normal(count)
    swell = np.abs(np.sin(2 * np.pi * rng.uniform(1, 4) * t)) ** 2
    hum = sum(np.sin(2 * np.pi * 50 * k * t) / k for k in range(1, 9))
    noises = white, _colour(white, rate, 100), _colour(white, rate, 300) * swell, hum + 0.1 * white
    return [_level(noise) for noise in noises]


def _colour(white, rate, corner):
    """Weaken the frequencies above a corner, in hertz, in proportion to them."""
    frequency = np.fft.rfftfreq(len(white), 1 / rate)
    spectrum = np.fft.rfft(white) * corner / np.maximum(frequency, corner)
    return np.fft.irfft(spectrum, len(white))


def make_music(rng, rate):
    """Return pieces of music (samples,): a melody, and chords, of tones with overtones."""
    return [_level(_play(rng, rate, tones)) for tones in (1, 3)]


def _play(rng, rate, tones):
    """Play chords of some tones, each for a quarter of a second to a whole one."""
    parts = []
    while sum(map(len, parts)) < SECONDS * rate:
        t = np.arange(round(rng.choice([0.25, 0.5, 1.0]) * rate)) / rate
        notes = 110 * 2 ** (rng.choice(24, tones, replace=False) / 12)
        chord = sum(np.sin(2 * np.pi * k * f * t) / k for f in notes for k in range(1, 7))
        parts.append(chord * np.exp(-2 * t) * np.minimum(100 * t, 1))
    return np.concatenate(parts)[: round(SECONDS * rate)]


def _level(samples):
    return (LEVEL * samples / samples.std()).astype(np.float32)
