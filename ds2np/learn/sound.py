"""Synthetic speech for the chapters."""

import functools

import numpy as np

from ds2np.audio.resampling import resample
from ds2np.errors import UserError
from ds2np.synthesis.espeak import Espeak


@functools.cache
def _voice():
    try:
        return Espeak()
    except UserError as error:
        print(f"no speech synthesis, using a synthetic hum instead ({error})")
        return None


def has_voice():
    """Check whether espeak-ng is available."""
    return _voice() is not None


def say(text, rate=16_000, voice="en+f3", speed=150, pitch=50, pitch_range=50):
    """Synthesise a text with espeak-ng, or return a `hum` if espeak-ng is missing.

    Parameters
    ----------
    text : str
    rate : int
        Sampling rate in Hz.
    voice : str
        Name of an espeak-ng voice.
    speed : int
        Words per minute.
    pitch : int
        From 0 to 100.
    pitch_range : int
        How far the pitch moves, from 0 to 99.

    Returns
    -------
    ndarray of float32 of shape (samples,)
    """
    if _voice() is None:
        return hum(0.09 * len(text), rate)
    samples, own_rate = _voice().say(text, voice, speed, pitch, pitch_range)
    return resample(samples, own_rate, rate)


def hum(seconds, rate):
    """Synthesise a speech-like sound with harmonics, formants and pauses.

    Returns float32 samples of shape (samples,) at the sampling rate `rate`.
    """
    t = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(140 + 20 * np.sin(2 * np.pi * 0.7 * t)) / rate
    samples = np.zeros_like(t)
    for harmonic in range(1, 25):
        frequency = 140 * harmonic
        for formant in (600 + 200 * np.sin(2 * np.pi * t), 1500 + 500 * np.cos(3 * np.pi * t)):
            samples += np.exp(-(((frequency - formant) / 150) ** 2)) * np.sin(harmonic * phase)
    samples *= np.clip(2 * np.sin(2 * np.pi * 2 * t) ** 2, 0, 1)
    return (0.2 * samples / max(1e-9, np.abs(samples).max(initial=0))).astype(np.float32)
