"""Make each recording sound like many: other speakers, rooms, noises and microphones.

A network that hears the same recordings again and again learns them by heart. Every change here
leaves the words as they are, and is drawn anew each time. Paper, "Training Data": noise is added to
40 % of the utterances, chosen at random.

The effects stand first, each of them usable by itself; then `augment`, which draws and chains them.
"""

import functools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ds2np.audio.frames import frame_sizes
from ds2np.audio.load import load_audio, resample
from ds2np.audio.vocoder import DENOMINATOR, MAX_SEMITONES, OVERLAP, pitch_shift, time_stretch
from ds2np.errors import UserError

SUFFIXES = (".wav", ".flac")  # of noises and room responses
CACHED = 32  # recordings of a folder that are kept in memory
VOCODER_MS = 32  # window of the vocoder: as long at every sampling rate

# What a field of `Augmentation` may hold; beyond it, no words would be left to learn.
LIMITS = {
    **dict.fromkeys(["stretch_share", "pitch_share", "reverb_share", "noise_share"], (0, 1)),
    **dict.fromkeys(["speeds", "stretch"], (0.1, 10)),
    **dict.fromkeys(["snr_db", "gain_db", "room_direct_db"], (-100, 100)),
    "pitch": (-MAX_SEMITONES, MAX_SEMITONES),
    "room_seconds": (0.01, 10),
}
RANGES = ("stretch", "pitch", "room_seconds", "room_direct_db", "snr_db", "gain_db")


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
    low, high = LIMITS["speeds"]
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


@dataclass(frozen=True)
class Augmentation:
    """How often each effect is applied, and how strong it may be.

    A share is the probability that an utterance gets the effect: 0 is never, 1 is always. Of a
    range, lowest and highest value, any value between them is equally likely.

    Attributes
    ----------
    speeds : tuple of float
        Each utterance gets one of them, all equally likely; (1,) for none.
    stretch_share : float
    stretch : tuple of two floats
        Range of the rate of `time_stretch`.
    pitch_share : float
    pitch : tuple of two floats
        Range of `pitch_shift`, in semitones.
    reverb_share : float
    room_seconds, room_direct_db : tuple of two floats
        Ranges of `make_room`; recorded rooms are what they are.
    noise_share : float
    snr_db : tuple of two floats
        Range of the signal-to-noise ratio.
    gain_db : tuple of two floats
        Range of the gain, which every utterance gets; (0, 0) for none.

    Raises
    ------
    UserError
        If a value cannot be.
    """

    speeds: tuple = (0.9, 1.0, 1.1)
    stretch_share: float = 0.2
    stretch: tuple = (0.9, 1.1)
    pitch_share: float = 0.2
    pitch: tuple = (-2, 2)
    reverb_share: float = 0.2
    room_seconds: tuple = (0.1, 0.6)
    room_direct_db: tuple = (0, 12)
    noise_share: float = 0.4
    snr_db: tuple = (5, 25)
    gain_db: tuple = (-6, 6)

    def __post_init__(self):
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            values = np.atleast_1d(value)
            if not values.size or not ((low <= values) & (values <= high)).all():
                raise UserError(f"{name} is {value}; only {low} to {high} is possible")
        for name in RANGES:
            values = getattr(self, name)
            if len(values) != 2 or values[0] > values[1]:
                raise UserError(f"{name} is {values}; its lowest and highest value are needed")

    @property
    def lengthening(self):
        """By how much an utterance can become longer: 1.25 is a quarter."""
        slowest = min(self.stretch[0], 1) if self.stretch_share else 1
        return 1 / (min(self.speeds) * slowest)


def augment(samples, rate, rng, augmentation, noises=None, rooms=None):
    """Change an utterance at random, as different speakers, rooms and microphones would.

    The speaker comes first (speed, stretch, pitch), then the room, then the noise, which comes from
    elsewhere, then the microphone's gain. What comes out depends on the arguments and the state of
    the generator alone.

    Parameters
    ----------
    samples : ndarray of float32 of shape (samples,)
        Are not changed.
    rate : int
        In hertz.
    rng : Generator
    augmentation : Augmentation
    noises, rooms : sequence of ndarray, optional
        Noises and room responses at the same rate, such as `load_sounds` finds. Made up by
        `make_noise` and `make_room` if left out.

    Returns
    -------
    ndarray of shape (samples / (speed * stretch),), of the dtype of samples
        From -1 to 1: turned down as a whole if it would go beyond.
    """

    def falls_on(share):
        return rng.random() < share

    size, _ = frame_sizes(rate, VOCODER_MS, VOCODER_MS / OVERLAP)
    samples = change_speed(samples, augmentation.speeds[rng.integers(len(augmentation.speeds))])
    if falls_on(augmentation.stretch_share):
        samples = time_stretch(samples, rng.uniform(*augmentation.stretch), size)
    if falls_on(augmentation.pitch_share):
        samples = pitch_shift(samples, rng.uniform(*augmentation.pitch), size)
    if falls_on(augmentation.reverb_share):
        if rooms is None:
            seconds = rng.uniform(*augmentation.room_seconds)
            room = make_room(rate, seconds, rng.uniform(*augmentation.room_direct_db), rng)
        else:
            room = rooms[rng.integers(len(rooms))]
        samples = reverberate(samples, room)
    if falls_on(augmentation.noise_share):
        if noises is None:
            noise = make_noise(len(samples), rng)
        else:
            noise = cut_noise(noises[rng.integers(len(noises))], len(samples), rng)
        samples = add_noise(samples, noise, rng.uniform(*augmentation.snr_db))
    return fit_full_scale(change_gain(samples, rng.uniform(*augmentation.gain_db)))


class Sounds:
    """Recordings, each read when it is first asked for.

    Parameters
    ----------
    paths : list of Path
    rate : int
        In hertz; recordings of another rate are resampled.
    """

    def __init__(self, paths, rate):
        self.paths, self.rate = paths, rate
        self._read = functools.lru_cache(CACHED)(self._read)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        """Return recording i, an ndarray of float32, read-only."""
        return self._read(self.paths[i])

    def _read(self, path):
        samples, _ = load_audio(path, self.rate)
        if not samples.any():
            raise UserError(f"{path} is silent from beginning to end; take it out of the folder")
        samples.flags.writeable = False  # everyone who asks gets the same array
        return samples


def load_sounds(folder, rate):
    """Find the recordings in a folder and the folders in it: noises, or responses of rooms.

    Parameters
    ----------
    folder : str or Path
    rate : int
        In hertz.

    Returns
    -------
    Sounds
        In the order of their paths; none is read yet.

    Raises
    ------
    UserError
        If there is no such folder, or no recording in it; later, if a recording cannot be read or
        is silent.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; one with recordings is needed")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(f"{folder} has no recordings ({', '.join(SUFFIXES)}) in it or below it")
    return Sounds(paths, rate)
