"""What is wrong with a recording of a sentence is said in one sentence."""

import numpy as np
import pytest

from ds2np.adapt.take import MARGIN, examine

RATE = 16000


def speak(before=0.5, seconds=1.5, after=0.5, level=0.1, room=1e-4):
    """Return syllables of a hum between quiet, in the noise of a room."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE)) / RATE
    hum = level * np.sin(2 * np.pi * 150 * t) * (1 + 0.8 * np.sin(2 * np.pi * 4 * t))
    quiet = [np.zeros(round(part * RATE)) for part in (before, after)]
    sound = np.concatenate([quiet[0], hum, quiet[1]])
    return (sound + room * rng.standard_normal(len(sound))).astype(np.float32)


def complaint(samples):
    return examine(samples, RATE).complaint


def test_good_speech_is_kept_with_a_margin():
    sound = speak(before=1.0, after=2.0)
    take = examine(sound, RATE)
    assert take.complaint == ""
    seconds = len(take.samples) / RATE
    assert seconds == pytest.approx(1.5 + 2 * MARGIN, abs=0.1)
    start = round((1.0 - MARGIN) * RATE)
    at = [i for i in range(start - 1600, start + 1600) if sound[i] == take.samples[0]]
    assert any((sound[i : i + len(take.samples)] == take.samples).all() for i in at)


@pytest.mark.parametrize("room", [0, 1e-5, 1e-3])
@pytest.mark.parametrize("level", [0.02, 0.1, 0.5])
def test_levels_and_rooms_that_are_good_enough(level, room):
    assert complaint(speak(level=level, room=room)) == ""


@pytest.mark.parametrize(
    ("sound", "expected"),
    [
        (np.zeros(0, np.float32), "Nothing was recorded"),
        (np.zeros(RATE, np.float32), "Nothing was heard"),
        (speak(level=0), "Nothing was heard"),
        (speak(level=1e-3, room=1e-5), "Too soft"),
        (speak(level=3).clip(-1, 1), "Too loud"),
        (speak(level=0.1, room=0.05), "does not stand out"),
        (speak(before=0), "The beginning is cut off"),
        (speak(after=0), "The end is cut off"),
    ],
)
def test_complaints(sound, expected):
    assert expected in complaint(sound)


def test_a_single_peak_is_not_clipping():
    sound = speak(level=0.3)
    sound[12000] = 1.0
    assert complaint(sound) == ""
