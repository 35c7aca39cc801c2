"""Voices made by a known pitch and known resonances, before and after a change."""

import numpy as np
import pytest
from scipy.signal import lfilter, welch

from ds2np.audio.voice import change_voice
from ds2np.errors import UserError

RATE, PITCH = 16000, 125
FORMANTS = (700, 1800, 3200)  # Hz


def vowel(formants=FORMANTS, bandwidth=100, seconds=1.0):
    """Pulses through resonances: poles at r exp(+-i w)."""
    sound = np.zeros(round(seconds * RATE))
    sound[:: RATE // PITCH] = 1
    for hertz in formants:
        radius, angle = np.exp(-np.pi * bandwidth / RATE), 2 * np.pi * hertz / RATE
        sound = lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], sound)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def envelope(sound):
    """Return the levels in decibels of the harmonics of the pitch."""
    _, power = welch(sound, RATE, "hann", 4096, 3072)
    harmonics = np.arange(PITCH, RATE / 2 - PITCH, PITCH)
    places = np.round(harmonics * 4096 / RATE).astype(int)
    return harmonics, 10 * np.log10(power[places[:, None] + np.arange(-1, 2)].max(axis=1))


def find_peak(sound):
    """Return where a parabola through the highest harmonics has its top."""
    harmonics, level = envelope(sound)
    inside = slice(max(level.argmax() - 2, 0), level.argmax() + 3)
    a, b, _ = np.polyfit(harmonics[inside], level[inside], 2)
    return -b / (2 * a)


def pitch_of(sound):
    correlation = np.correlate(sound, sound, "full")[len(sound) - 1 :]
    low, high = RATE // 400, RATE // 60
    return RATE / (low + correlation[low:high].argmax())


def change(sound, **how):
    return change_voice(sound, RATE, np.random.default_rng(0), **how)


def test_without_a_change_nothing_changes():
    np.testing.assert_allclose(change(vowel()), vowel(), atol=1e-6)


@pytest.mark.parametrize("size", [0.85, 1.15, 1.25])
def test_size_moves_the_formants_and_leaves_the_pitch(size):
    sound = vowel(formants=(1800,), bandwidth=250)
    changed = change(sound, size=size)
    assert find_peak(sound) == pytest.approx(1800, rel=0.02)
    assert find_peak(changed) / find_peak(sound) == pytest.approx(size, rel=0.03)
    assert pitch_of(changed) == pytest.approx(PITCH, rel=0.01)


@pytest.mark.parametrize(("contrast", "expected"), [(0, 0.2), (0.5, 0.6), (1.5, 1.35)])
def test_contrast_flattens_or_sharpens_the_formants(contrast, expected):
    def ripple(sound):
        harmonics, level = envelope(sound)
        inside = harmonics < 4000
        smooth = np.polyval(np.polyfit(harmonics[inside], level[inside], 2), harmonics[inside])
        return (level[inside] - smooth).std()

    sound = vowel()
    assert ripple(change(sound, contrast=contrast)) / ripple(sound) == pytest.approx(
        expected, abs=0.2
    )


@pytest.mark.parametrize("tilt_db", [-6, 3])
def test_tilt_is_decibels_an_octave(tilt_db):
    sound = vowel()
    harmonics, before = envelope(sound)
    _, after = envelope(change(sound, tilt_db=tilt_db))
    octaves = np.log2(harmonics[3:])
    slope, _ = np.polyfit(octaves, (after - before)[3:], 1)
    assert slope == pytest.approx(tilt_db, abs=0.3)


def test_breath_fills_the_gaps_between_high_harmonics_only():
    sound = vowel() + 1e-5 * np.random.default_rng(1).standard_normal(RATE).astype(np.float32)

    def depths(sound):
        """Return by how many decibels each gap lies below its harmonic, smoothed."""
        harmonics, level = envelope(sound)
        _, power = welch(sound, RATE, "hann", 4096)
        gaps = 10 * np.log10(power[np.round((harmonics + PITCH / 2) * 4096 / RATE).astype(int)])
        return harmonics, np.convolve(level - gaps, np.ones(5) / 5, "same")

    harmonics, before = depths(sound)
    _, after = depths(change(sound, breath=0.5))
    high = (harmonics > 2800) & (harmonics < 4500)
    assert (before - after)[high].min() > 20
    assert after[(harmonics > 300) & (harmonics < 900)].min() > after[high].max() + 10


def test_energy_length_and_type_stay():
    sound = vowel(seconds=0.777)
    for dtype in (np.float32, np.float64):
        changed = change(sound.astype(dtype), size=1.2, contrast=0.7, tilt_db=3, breath=0.3)
        assert changed.dtype == dtype
        assert changed.shape == sound.shape
        power = np.square(changed, dtype=float).sum() / np.square(sound, dtype=float).sum()
        assert power == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("count", [0, 1, 100])
def test_silence_and_shreds(count):
    for sound in (np.zeros(count, np.float32), np.full(count, 0.1, np.float32)):
        changed = change(sound, size=1.2, breath=0.3)
        assert changed.shape == sound.shape
        assert np.isfinite(changed).all()


@pytest.mark.parametrize(
    "how", [{"size": 3}, {"contrast": -1}, {"tilt_db": 30}, {"breath": np.nan}]
)
def test_impossible_voices_are_refused(how):
    with pytest.raises(UserError, match=f"the {next(iter(how))} of a voice"):
        change(vowel(), **how)
