"""Augmentation: make each recording sound like many speakers, rooms, noises and microphones.

A network memorises recordings that never change, so each epoch draws new changes, which leave the
words as they are. Speed and pitch change by one factor for the whole utterance: that moves the
contours of the pitch, by which Mandarin tells words apart, and does not bend them. Paper, "Training
Data": noise is added to a random 40 % of the utterances. The effects are in effects.py and
vocoder.py. Chapter 08 builds them.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.audio.checks import check_samples
from ds2np.audio.effects import (
    DECIBELS,
    ROOM_SECONDS,
    add_noise,
    change_gain,
    change_speed,
    cut_noise,
    fit_full_scale,
    make_noise,
    make_room,
    reverberate,
)
from ds2np.audio.frames import frame_sizes
from ds2np.audio.vocoder import MAX_SEMITONES, OVERLAP, SPEEDS, pitch_shift, time_stretch
from ds2np.audio.voice import LIMITS as VOICE_LIMITS
from ds2np.audio.voice import change_voice
from ds2np.errors import UserError

VOCODER_MS = 32  # window of the vocoder, the same at every sampling rate

# Limits of the fields of `Augmentation`: beyond them, speech is no longer intelligible.
LIMITS = {
    **dict.fromkeys(["stretch_share", "pitch_share", "voice_share"], (0, 1)),
    **dict.fromkeys(["reverb_share", "noise_share"], (0, 1)),
    **dict.fromkeys(["speeds", "stretch"], SPEEDS),
    **dict.fromkeys(["snr_db", "gain_db", "room_direct_db"], DECIBELS),
    "pitch": (-MAX_SEMITONES, MAX_SEMITONES),
    "room_seconds": ROOM_SECONDS,
    **{f"voice_{name}": limits for name, limits in VOICE_LIMITS.items()},
}
RANGES = ("stretch", "pitch", "room_seconds", "room_direct_db", "snr_db", "gain_db")
RANGES += tuple(f"voice_{name}" for name in VOICE_LIMITS)
VOICE_SHARE = 0.7  # of the utterances, where voices are to vary


@dataclass(frozen=True)
class Augmentation:
    """How often each effect is applied, and how strong it may be.

    A share is the probability that an utterance gets the effect. A range is (lowest, highest);
    values are drawn from it uniformly.

    Attributes
    ----------
    speeds : tuple of float
        Each utterance gets one of them, all equally likely; (1,) for none.
    stretch, pitch : tuple of two floats
        Ranges of the speed of `time_stretch` and of the semitones of `pitch_shift`.
    voice_size, voice_contrast, voice_tilt_db, voice_breath : tuple of two floats
        Ranges for `change_voice`.
    room_seconds, room_direct_db : tuple of two floats
        Ranges for `make_room`; not used with recorded impulse responses.
    snr_db : tuple of two floats
        Range of the signal-to-noise ratio.
    gain_db : tuple of two floats
        Range of the gain, which every utterance gets; (0, 0) for none.

    Raises
    ------
    UserError
        If a value is outside its limits, or a range is not (lowest, highest).
    """

    speeds: tuple = (0.9, 1.0, 1.1)
    stretch_share: float = 0.2
    stretch: tuple = (0.9, 1.1)
    pitch_share: float = 0.2
    pitch: tuple = (-2, 2)
    voice_share: float = 0.0
    voice_size: tuple = (0.85, 1.2)
    voice_contrast: tuple = (0.6, 1.3)
    voice_tilt_db: tuple = (-4, 4)
    voice_breath: tuple = (0, 0.3)
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
                raise UserError(f"{name} is {value}; expected {low} to {high}")
        for name in RANGES:
            values = getattr(self, name)
            if len(values) != 2 or values[0] > values[1]:
                raise UserError(f"{name} is {values}; expected (lowest, highest)")

    @property
    def lengthening(self):
        """Largest factor by which an utterance can become longer: 1.25 is a quarter longer."""
        slowest = min(self.stretch[0], 1) if self.stretch_share else 1
        return 1 / (min(self.speeds) * slowest)


def augment(samples, rate, rng, augmentation, noises=None, rooms=None):
    """Change an utterance at random, as different speakers, rooms and microphones would.

    The order is that of the sound's path: speaker (speed, stretch, pitch, voice), room, noise,
    microphone gain. The result depends only on the arguments and the state of `rng`.

    Parameters
    ----------
    samples : ndarray of float32 of shape (samples,)
        Not modified.
    rate : int
        Sampling rate in hertz.
    rng : Generator
    augmentation : Augmentation
    noises, rooms : sequence of ndarray, optional
        Noises and impulse responses at the same sampling rate, for example from `load_sounds`.
        Synthesised by `make_noise` and `make_room` if omitted.

    Returns
    -------
    ndarray of shape (samples / (speed * stretch),), of the dtype of samples
        Scaled down as a whole if it would exceed full scale, -1 to 1.
    """

    def falls_on(share):
        return rng.random() < share

    check_samples(samples)
    size, _ = frame_sizes(rate, VOCODER_MS, VOCODER_MS / OVERLAP)
    samples = change_speed(samples, augmentation.speeds[rng.integers(len(augmentation.speeds))])
    if falls_on(augmentation.stretch_share):
        samples = time_stretch(samples, rng.uniform(*augmentation.stretch), size)
    if falls_on(augmentation.pitch_share):
        samples = pitch_shift(samples, rng.uniform(*augmentation.pitch), size)
    if augmentation.voice_share and falls_on(augmentation.voice_share):
        ranges = {name: getattr(augmentation, f"voice_{name}") for name in VOICE_LIMITS}
        drawn = {name: rng.uniform(*limits) for name, limits in ranges.items()}
        samples = change_voice(samples, rate, rng, **drawn)
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
