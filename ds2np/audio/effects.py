"""Effects on sound: speed, reverberation, noise and gain. Chapter 08 builds them."""

from fractions import Fraction

import numpy as np

from ds2np.audio.checks import check_between, check_samples
from ds2np.audio.resampling import resample
from ds2np.audio.vocoder import DENOMINATOR, SPEEDS
from ds2np.errors import check_whole

DECIBELS = (-100, 100)  # beyond them, the softer of two sounds is lost in rounding
ROOM_SECONDS = (0.01, 10)
QUIET_SECONDS = (0, 60)
BEFORE = 0.2  # seconds
FAINT = (40, 80)  # decibels by which the noise of quiet is below the sound


def change_speed(samples, speed):
    """Play a sound faster or slower by resampling, which changes its pitch too.

    A speed of 1.1 is 10 % faster and 1.65 semitones higher. N samples become ceil(N / speed).
    Raises UserError if speed is not between 0.1 and 10.
    """
    check_samples(samples)
    check_between("speed", speed, *SPEEDS)
    ratio = Fraction(speed).limit_denominator(DENOMINATOR)
    return resample(samples, ratio.numerator, ratio.denominator)


def make_room(rate, seconds, direct_db, rng):
    """Synthesise the impulse response of a room.

    The direct sound arrives first. The echoes follow, so dense that they are noise, and decay
    exponentially: the walls absorb the same share of them each second.

    Parameters
    ----------
    rate : int
        Sampling rate in hertz.
    seconds : float
        Reverberation time, after which the echoes are 60 dB weaker than at the beginning.
    direct_db : float
        Energy of the direct sound over that of all echoes: high for a speaker near the microphone.
    rng : Generator

    Returns
    -------
    ndarray of float32 of shape (1 + round(rate * seconds),)

    Raises
    ------
    UserError
        If seconds is not between 0.01 and 10, or direct_db not between -100 and 100.
    """
    check_whole("the sampling rate", rate)
    check_between("seconds", seconds, *ROOM_SECONDS)
    check_between("direct_db", direct_db, *DECIBELS)
    echoes = rng.standard_normal(round(rate * seconds), np.float32)
    echoes *= np.geomspace(1, 1e-3, len(echoes), dtype=np.float32)  # 60 dB: a thousandth
    echoes *= (10 ** (-direct_db / 10) / (_energy(echoes) or 1)) ** 0.5
    return np.concatenate([np.ones(1, np.float32), echoes])


def reverberate(samples, response):
    """Convolve a sound with the impulse response of a room.

    The peak of the response is the direct sound and is not delayed, so that words keep their times.
    Echoes after the end of the sound are cut off.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    response : ndarray of shape (response,)
        At the same sampling rate; its level does not matter.

    Returns
    -------
    ndarray of shape (samples,), of the dtype of samples
        With the energy of samples; unchanged if the response is silent.
    """
    from scipy.signal import fftconvolve

    check_samples(samples)
    check_samples(response)
    if not len(response):
        raise ValueError("the impulse response is empty; expected at least one sample")
    direct = int(np.abs(response).argmax())
    response = response[: direct + len(samples)].astype(samples.dtype)  # the rest would be cut off
    heard = fftconvolve(samples, response)[direct : direct + len(samples)]
    energy = _energy(heard)
    return heard * (_energy(samples) / energy) ** 0.5 if energy else samples


def make_noise(count, rng):
    """Synthesise noise, float32 of shape (count,), from hiss to rumble.

    Its power falls with frequency f as f ** -a, with a drawn between 0 (white) and 2 (brown).
    """
    import scipy.fft

    check_whole("the number of samples", count, 0)
    size = scipy.fft.next_fast_len(max(count, 2), real=True)
    F = size // 2 + 1
    spectrum = rng.standard_normal((F, 2), np.float32).view(np.complex64)[:, 0]
    frequencies = np.arange(F, dtype=np.float32)
    frequencies[0] = np.inf  # no constant offset
    spectrum *= frequencies ** (-rng.uniform(0, 2) / 2)
    return scipy.fft.irfft(spectrum, size)[:count]


def cut_noise(noise, count, rng):
    """Cut count samples from a random position of a noise, which is repeated if it is too short."""
    check_whole("the number of samples", count, 0)
    if not len(noise):
        raise ValueError("the noise is empty; expected at least one sample")
    spare = len(noise) - count
    if spare >= 0:
        start = rng.integers(spare + 1)
        return noise[start : start + count]
    return np.resize(np.roll(noise, -rng.integers(len(noise))), count)


def add_noise(samples, noise, snr_db):
    """Add noise at a given signal-to-noise ratio.

    The ratio is 10 log10 of the energy of the sound over that of the noise, each over the whole
    utterance, pauses included. At 0 dB both are equally loud; at 20 dB the sound has a hundred
    times the energy. Sound and noise have the same shape; if either is silent, no ratio exists and
    the samples are returned unchanged. Raises UserError if snr_db is not between -100 and 100.
    """
    check_samples(samples)
    check_samples(noise)
    if len(noise) != len(samples):
        raise ValueError(f"{len(noise)} samples of noise do not match {len(samples)} of sound")
    check_between("snr_db", snr_db, *DECIBELS)
    sound, disturbance = _energy(samples), _energy(noise)
    if not sound or not disturbance:
        return samples
    noise = noise * (sound / disturbance * 10 ** (-snr_db / 10)) ** 0.5
    return samples + noise.astype(samples.dtype, copy=False)


def add_quiet(samples, rate, longest, rng):
    """Put quiet before and after a sound, as streams have it around what somebody says.

    It lasts up to 0.2 s before the sound, since an utterance of a stream begins where speech does,
    and up to `longest` seconds after it, a third of that on average. A faint noise lies over the
    whole, 40 to 80 dB below the sound. Raises UserError if longest is not between 0 and 60.
    """
    check_samples(samples)
    check_between("seconds of quiet", longest, *QUIET_SECONDS)
    before, after = BEFORE * rng.random(), longest * rng.random() ** 2
    samples = np.pad(samples, (round(rate * before), round(rate * after)))
    return add_noise(samples, make_noise(len(samples), rng), rng.uniform(*FAINT))


def change_gain(samples, gain_db):
    """Make a sound louder or softer; 20 dB is ten times the amplitude.

    Raises UserError if gain_db is not between -100 and 100.
    """
    check_samples(samples)
    check_between("gain_db", gain_db, *DECIBELS)
    return samples * 10 ** (gain_db / 20)


def fit_full_scale(samples):
    """Scale a sound down if it exceeds full scale, -1 to 1, where a file would clip it."""
    check_samples(samples)
    return samples / max(np.abs(samples).max(initial=0), 1)


def _energy(samples):
    return float(np.square(samples, dtype=np.float64).sum())
