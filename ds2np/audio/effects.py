"""Effects on sound, each usable by itself: speed, rooms, noise, gain (chapter 08)."""

from fractions import Fraction

import numpy as np

from ds2np.audio.load import resample
from ds2np.audio.vocoder import DENOMINATOR
from ds2np.errors import UserError

SPEEDS = (0.1, 10)  # beyond them, no words would be left to learn


def change_speed(samples, speed):
    """Play a sound faster or slower, as a record: the pitch goes with the speed.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    speed : float
        1.1 is 10 % faster, and higher by 1.65 semitones.

    Returns
    -------
    ndarray of shape (ceil(samples / speed),), of the dtype of samples

    Raises
    ------
    UserError
        If speed does not lie between 0.1 and 10.
    """
    low, high = SPEEDS
    if not low <= speed <= high:
        raise UserError(f"no speed of {speed}; only {low} to {high} is possible")
    ratio = Fraction(speed).limit_denominator(DENOMINATOR)
    return resample(samples, ratio.numerator, ratio.denominator)


def make_room(rate, seconds, direct_db, rng):
    """Make up a room's response to a clap.

    The sound that comes straight arrives first. Then come the echoes, so many of them that they are
    noise, ever weaker: the walls swallow the same share of them each second.

    Parameters
    ----------
    rate : int
        In hertz.
    seconds : float
        Reverberation time: after it, echoes are 60 dB weaker than in the beginning.
    direct_db : float
        How much more energy the straight sound has than all echoes together: much for a speaker who
        is near.
    rng : Generator

    Returns
    -------
    ndarray of float32 of shape (1 + round(rate * seconds),)
    """
    echoes = rng.standard_normal(round(rate * seconds), np.float32)
    echoes *= np.geomspace(1, 1e-3, len(echoes), dtype=np.float32)  # 60 dB: a thousandth
    echoes *= (10 ** (-direct_db / 10) / (_energy(echoes) or 1)) ** 0.5
    return np.concatenate([np.ones(1, np.float32), echoes])


def reverberate(samples, response):
    """Let a sound be heard in a room.

    The sound is convolved with what the room makes of a single clap: each sample sets off the whole
    response. The largest value of the response is the straight sound and stays in its time, so that
    words stay where they were; what echoes after the end is left out.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    response : ndarray of shape (response,)
        At the same sampling rate, as loud as it likes.

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples
        Of the energy of samples. The samples as they are if the response is silent.
    """
    from scipy.signal import fftconvolve

    direct = int(np.abs(response).argmax())
    response = response[: direct + len(samples)].astype(samples.dtype)  # later: after the end
    heard = fftconvolve(samples, response)[direct : direct + len(samples)]
    energy = _energy(heard)
    return heard * (_energy(samples) / energy) ** 0.5 if energy else samples


def make_noise(count, rng):
    """Make up a noise: a hiss, a rush or a rumble.

    Its power falls with frequency f as f ** -a, with a drawn between 0 (white) and 2 (brown).

    Parameters
    ----------
    count : int
        In samples.
    rng : Generator

    Returns
    -------
    ndarray of float32 of shape (count,)
    """
    import scipy.fft

    size = scipy.fft.next_fast_len(max(count, 2), real=True)
    F = size // 2 + 1
    spectrum = rng.standard_normal((F, 2), np.float32).view(np.complex64)[:, 0]
    frequencies = np.arange(F, dtype=np.float32)
    frequencies[0] = np.inf  # no constant offset
    spectrum *= frequencies ** (-rng.uniform(0, 2) / 2)
    return scipy.fft.irfft(spectrum, size)[:count]


def cut_noise(noise, count, rng):
    """Take a piece of a noise from a random place; one that is too short goes round and round.

    Parameters
    ----------
    noise : ndarray of shape (noise,)
    count : int
        In samples.
    rng : Generator

    Returns
    -------
    ndarray of shape (count,)
    """
    spare = len(noise) - count
    if spare >= 0:
        start = rng.integers(spare + 1)
        return noise[start : start + count]
    return np.resize(np.roll(noise, -rng.integers(len(noise))), count)


def add_noise(samples, noise, snr_db):
    """Add a noise so loud that the sound stands out by so many decibels.

    The signal-to-noise ratio is 10 log10 of the energy of the sound over that of the noise, each
    over the whole utterance, pauses included.

    Parameters
    ----------
    samples, noise : ndarray of shape (samples,)
    snr_db : float
        0: both are equally loud; 20: the sound has a hundred times the energy.

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples
        The samples as they are where they or the noise are silent: no ratio exists then.
    """
    sound, disturbance = _energy(samples), _energy(noise)
    if not sound or not disturbance:
        return samples
    noise = noise * (sound / disturbance * 10 ** (-snr_db / 10)) ** 0.5
    return samples + noise.astype(samples.dtype, copy=False)


def change_gain(samples, gain_db):
    """Make a sound louder or softer.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    gain_db : float
        20 is ten times the amplitude.

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples
    """
    return samples * 10 ** (gain_db / 20)


def fit_full_scale(samples):
    """Make a sound softer if it goes beyond full scale, -1 to 1, where a file would cut it off.

    Parameters
    ----------
    samples : ndarray of shape (samples,)

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples
    """
    return samples / max(np.abs(samples).max(initial=0), 1)


def _energy(samples):
    return float(np.square(samples, dtype=np.float64).sum())
