"""Mandarin's tones are contours of the pitch: augmentation may move them, but not bend them."""

import numpy as np
import pytest
from helpers import syllables
from helpers.pitch import RATE, contour, spread

from ds2np.audio import Augmentation, augment
from ds2np.audio.effects import (
    add_noise,
    change_gain,
    change_speed,
    make_noise,
    make_room,
    reverberate,
)
from ds2np.audio.vocoder import pitch_shift, time_stretch

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


def measure(samples):
    return contour(samples, spread(samples))


@pytest.mark.parametrize("semitones", [-2, 2])
@pytest.mark.parametrize("tone", TONES)
def test_a_shift_by_a_constant_factor_keeps_the_contour(tone, semitones):
    sound = speak(TONES[tone])
    before, after = measure(sound), measure(pitch_shift(sound, semitones, SIZE))
    np.testing.assert_allclose(after - before, semitones / 12, atol=0.03)


@pytest.mark.parametrize("tone", TONES)
def test_speed_moves_and_stretching_keeps_the_pitch_of_a_contour(tone):
    sound = speak(TONES[tone])
    np.testing.assert_allclose(
        measure(change_speed(sound, 1.1)) - measure(sound), np.log2(1.1), atol=0.06
    )
    np.testing.assert_allclose(
        measure(time_stretch(sound, 0.9, SIZE)) - measure(sound), 0, atol=0.06
    )


def test_the_measure_tells_the_tones_apart():
    """A shift that changed one tone into another would be noticed."""
    contours = [measure(speak(levels)) for levels in TONES.values()]
    shapes = [each - each.mean() for each in contours]
    for place, shape in enumerate(shapes):
        for other in shapes[:place]:
            assert np.abs(shape - other).max() > 0.08


# Voices of espeak-ng, and the hertz between which they speak, moved by the effects.
VOICES = {"f2": (100, 300), "Denis": (62, 130), "linda": (140, 400)}

MOVED = {"stretch_share": 1, "pitch_share": 1, "reverb_share": 0, "noise_share": 0}
# Rooms and noise are those in the middle of what `Augmentation` draws: in the strongest, it is the
# measure that goes astray, by an octave.
EFFECTS = {
    "slower": lambda x: change_speed(x, 0.9),
    "faster": lambda x: change_speed(x, 1.1),
    "longer": lambda x: time_stretch(x, 0.9),
    "shorter": lambda x: time_stretch(x, 1.1),
    "lower": lambda x: pitch_shift(x, -2),
    "higher": lambda x: pitch_shift(x, 2),
    "room": lambda x: reverberate(x, make_room(RATE, 0.35, 6, np.random.default_rng(0))),
    "noise": lambda x: add_noise(x, make_noise(len(x), np.random.default_rng(0)), 15),
    "gain": lambda x: change_gain(x, -6),
    "several, 0": lambda x: augment(x, RATE, np.random.default_rng(0), Augmentation(**MOVED)),
    "several, 1": lambda x: augment(x, RATE, np.random.default_rng(1), Augmentation(**MOVED)),
}


@pytest.fixture(scope="module")
def tones():
    """The syllable ma in four tones: dict of voice to four sounds."""
    sounds = list(syllables.speak("妈麻马骂", VOICES).values())
    return {voice: sounds[4 * place :][:4] for place, voice in enumerate(VOICES)}


def shape(samples, hertz):
    """Measure how the pitch moves, in octaves about its mean; the ends are left out."""
    pitch = contour(samples, spread(samples, 9)[1:-1], hertz)
    return pitch - pitch.mean()


@pytest.mark.parametrize("voice", VOICES)
def test_the_tones_of_espeak_move_as_their_names_say(tones, voice):
    level, rising, dipping, falling = (shape(tone, VOICES[voice]) for tone in tones[voice])
    assert np.abs(level).max() < 0.08
    assert (np.diff(rising) > -0.02).all()
    assert rising[-1] - rising[0] > 0.1
    assert (dipping[3:5] < min(dipping[2], dipping[-1])).all()
    assert (np.diff(falling[2:]) < 0).all()
    assert falling[-1] - falling[0] < -0.08


@pytest.mark.parametrize("voice", VOICES)
@pytest.mark.parametrize("effect", EFFECTS)
def test_every_effect_keeps_the_tones(tones, voice, effect):
    before = np.array([shape(tone, VOICES[voice]) for tone in tones[voice]])
    after = np.array([shape(EFFECTS[effect](tone), VOICES[voice]) for tone in tones[voice]])
    np.testing.assert_allclose(after, before, atol=0.04)
    distances = np.abs(after[:, None] - before).max(axis=2)
    assert (distances.argmin(axis=1) == range(4)).all()


@pytest.mark.parametrize("voice", VOICES)
def test_an_effect_that_bends_the_pitch_is_noticed(tones, voice):
    """Played backwards, what rose falls."""
    before = np.array([shape(tone, VOICES[voice]) for tone in tones[voice]])
    rising = shape(tones[voice][1][::-1], VOICES[voice])
    assert np.abs(rising - before).max(axis=1).argmin() == 3
