"""Augmentation: make each recording sound like many speakers, rooms, noises and microphones.

A network that hears the same recordings again and again memorises them. Every change here leaves
the words as they are, and is drawn anew each time. Paper, "Training Data": noise is added to 40 %
of the utterances, chosen at random. The effects are in effects.py and vocoder.py; chapter 08.
"""

from dataclasses import dataclass

import numpy as np

from ds2np.audio.effects import (
    SPEEDS,
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
from ds2np.audio.vocoder import MAX_SEMITONES, OVERLAP, pitch_shift, time_stretch
from ds2np.errors import UserError

VOCODER_MS = 32  # window of the vocoder: as long at every sampling rate

# What a field of `Augmentation` may hold; beyond it, no words would be left to learn.
LIMITS = {
    **dict.fromkeys(["stretch_share", "pitch_share", "reverb_share", "noise_share"], (0, 1)),
    **dict.fromkeys(["speeds", "stretch"], SPEEDS),
    **dict.fromkeys(["snr_db", "gain_db", "room_direct_db"], (-100, 100)),
    "pitch": (-MAX_SEMITONES, MAX_SEMITONES),
    "room_seconds": (0.01, 10),
}
RANGES = ("stretch", "pitch", "room_seconds", "room_direct_db", "snr_db", "gain_db")


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
