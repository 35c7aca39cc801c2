"""Features do not depend on the gain of a recording; their formulas, written out in loops."""

import dataclasses

import numpy as np
import pytest

from ds2np.audio import Features
from ds2np.audio.frames import make_window
from ds2np.audio.level import (
    FLOOR,
    clip_power_forward,
    power_normalise_forward,
    running_power_forward,
)
from ds2np.model import DeepSpeech2Config

RATE = 16000
GAINS = (1e-4, 1e-3, 0.01, 0.1, 0.7, 3.3, 1e4, 32768)
SCOPES = ("utterance", "corpus", "running")


def features(scope, **changes):
    return Features(
        DeepSpeech2Config(
            sample_rate=RATE, normalisation=scope, bidirectional=scope == "utterance", **changes
        )
    )


@pytest.fixture(scope="module")
def speech():
    """Voiced and unvoiced syllables with pauses of digital silence, of 16 bits."""
    rng, t = np.random.default_rng(0), np.arange(2 * RATE) / RATE
    voiced = sum(np.sin(2 * np.pi * 120 * k * t + k) * 0.8**k for k in range(1, 40))
    hiss = np.diff(rng.standard_normal(len(t) + 1))
    swell = np.maximum(np.sin(2 * np.pi * 3 * t), 0)
    sound = 0.1 * swell * voiced + 0.003 * np.roll(swell, 3000) * hiss
    return (np.round(32768 * sound) / 32768).astype(np.float32)


def with_silence(x):
    return np.concatenate([np.zeros(3 * RATE, np.float32), x])


def with_faint_noise(x):
    noise = np.random.default_rng(1).integers(-1, 2, RATE) / 32768
    return np.concatenate([noise.astype(np.float32), x])


def with_click(x):
    x = x.copy()
    x[RATE] = 1000
    return x


def with_offset(x):
    return x + np.float32(0.1)


CHANGES = (lambda x: x, with_silence, with_faint_noise, with_click, with_offset)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("mels", [0, 40])
@pytest.mark.parametrize("scope", SCOPES)
def test_gain_changes_nothing(speech, scope, mels, change):
    compute, samples = features(scope, mels=mels), change(speech)
    expected = compute(samples)
    assert expected.std() > 0.5
    for gain in GAINS:
        np.testing.assert_allclose(compute(samples * np.float32(gain)), expected, atol=1e-4)


@pytest.mark.parametrize("scope", SCOPES[1:])
def test_gain_changes_nothing_in_a_stream(speech, scope):
    def stream(samples):
        session = features(scope).stream()
        chunks = [session.push(piece) for piece in np.array_split(samples, 7)]
        return np.concatenate([*chunks, session.finish()])

    samples = with_silence(speech)
    expected = stream(samples)
    np.testing.assert_allclose(expected, features(scope)(samples), atol=1e-6)
    for gain in GAINS:
        np.testing.assert_allclose(stream(samples * np.float32(gain)), expected, atol=1e-4)


@pytest.mark.parametrize("scope", SCOPES[1:])
def test_later_sound_does_not_change_earlier_frames(speech, scope):
    compute = features(scope)
    louder = np.concatenate([speech, 100 * speech])
    before = compute(speech)
    np.testing.assert_allclose(compute(louder)[: len(before)], before, atol=1e-6)


@pytest.mark.parametrize("scope", SCOPES)
def test_silence_is_at_the_floor(scope):
    out = features(scope)(np.zeros(RATE, np.float32))
    np.testing.assert_allclose(out, 0 if scope == "utterance" else np.log(FLOOR), rtol=1e-6)


def test_the_formulas_written_out(speech):
    size, stride = 320, 160
    samples, window = speech[4000:8000].astype(float), make_window("hann", 320)
    frames = [samples[i : i + size] for i in range(0, len(samples) - size + 1, stride)]
    powers = [sum(x * x for x in frame) / size for frame in frames]
    for scope in SCOPES[:2]:
        expected = []
        for t, frame in enumerate(frames):
            so_far = powers if scope == "utterance" else powers[: t + 1]
            level = sum(so_far) / len(so_far)
            power = np.abs(np.fft.rfft(frame * window)) ** 2 / (window**2).sum()
            floor = FLOOR * (power.mean() + level)
            expected.append(np.log((power + floor) / level))
        got = features(scope).spectrogram(samples)
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_speech_is_well_above_the_floor(speech):
    """The loudest frequency of a frame that is heard is 30 dB or more above the floor."""
    out = features("utterance").spectrogram(speech)
    heard = speech[: len(out) * 160].reshape(-1, 160).std(axis=1) > 0.1 * speech.std()
    assert (out.max(axis=1)[heard] > np.log(1000 * FLOOR)).mean() > 0.99


def test_parts_continue_the_running_power(rng):
    frames = rng.standard_normal((2, 90, 5)).astype(np.float32)
    whole, _, _ = running_power_forward(frames)
    parts, state = [], None
    for part in np.split(frames, [0, 1, 40], axis=1):
        level, _, state = running_power_forward(part, state)
        parts.append(level)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-6)
    for sound, level in zip(frames, whole, strict=True):
        assert level[-1] == pytest.approx(clip_power_forward(sound)[0][0], rel=1e-6)
    assert [each.dtype for each in state] == [np.float64, np.float64]
    assert state[0].tolist() == [[90], [90]]


def test_silence_before_a_sound_is_no_division_by_zero(rng):
    power = np.concatenate([np.zeros((2, 3)), rng.random((1, 3))])
    out, _ = power_normalise_forward(power, np.array([0, 0, 0.5]))
    np.testing.assert_array_equal(out[:2], FLOOR)
    np.testing.assert_allclose(out[2], (power[2] + FLOOR * (power[2].mean() + 0.5)) / 0.5)


def test_settings_tell_kinds_of_level_apart():
    assert features("utterance").settings != features("corpus").settings
    assert features("corpus").settings == features("running").settings
    changed = dataclasses.replace(DeepSpeech2Config(), stride_ms=20)
    assert Features(changed).settings != Features(DeepSpeech2Config()).settings
