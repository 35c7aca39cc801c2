"""Solutions of the exercises of chapter 08, more data from the same data."""

import numpy as np


def add_noise(samples, noise, snr_db):
    """Scale the noise to the energy that the ratio asks for, and add it."""
    sound, disturbance = np.sum(samples**2), np.sum(noise**2)
    if sound == 0 or disturbance == 0:
        return samples  # no gain makes a ratio of these
    gain = np.sqrt(sound / disturbance * 10 ** (-snr_db / 10))
    return samples + gain * noise


def accumulate_turns(x, later):
    """Let each phase begin as in the old sound, then turn as it turned there: (K, F)."""
    phases = np.angle(x)  # of what is silent: 0
    turns = np.angle(later) - phases
    phases[1:] = phases[0] + np.cumsum(turns[:-1], axis=0)
    return np.exp(1j * phases)


def reverberate(samples, response):
    """Convolve by way of the spectrum; keep the time, the length and the energy."""
    size = len(samples) + len(response) - 1  # room for the last echo, or it would come in front
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    direct = np.argmax(np.abs(response))
    heard = np.fft.irfft(spectrum, size)[direct : direct + len(samples)]
    energy = np.sum(heard**2)
    if energy == 0:
        return samples
    return heard * np.sqrt(np.sum(samples**2) / energy)
