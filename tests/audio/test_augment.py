import dataclasses

import numpy as np
import pytest

from ds2np.audio import Augmentation, augment, load_sounds
from ds2np.audio.effects import (
    add_noise,
    add_quiet,
    change_gain,
    change_speed,
    cut_noise,
    fit_full_scale,
    make_noise,
    make_room,
    reverberate,
)
from ds2np.audio.vocoder import time_stretch
from ds2np.errors import UserError

RATE = 16000
OFF = Augmentation(
    speeds=(1.0,), stretch_share=0, pitch_share=0, reverb_share=0, noise_share=0, gain_db=(0, 0)
)
SHARES = ("stretch_share", "pitch_share", "voice_share", "reverb_share", "noise_share")
ALL = Augmentation(**dict.fromkeys(SHARES, 1))


def only(**fields):
    return dataclasses.replace(OFF, **fields)


@pytest.fixture
def speech(rng):
    """Noise that swells and ebbs as syllables do."""
    swell = np.sin(np.linspace(0, 12, 8000)) ** 2
    return (0.1 * swell * rng.standard_normal(8000)).astype(np.float32)


def sine(hertz, count=RATE):
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(count) / RATE)).astype(np.float32)


def peak_hertz(samples):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * RATE / len(samples)


def energy(samples):
    return np.square(samples, dtype=np.float64).sum()


def decibels(ratio):
    return 10 * np.log10(ratio)


@pytest.mark.parametrize("speed", [0.9, 1.0, 1.1, 1.003, 2])
def test_speed_changes_length_and_pitch_together(speed):
    fast = change_speed(sine(1000), speed)
    assert len(fast) == pytest.approx(RATE / speed, rel=1e-3, abs=1)
    assert peak_hertz(fast) == pytest.approx(1000 * speed, abs=2)


def test_the_papers_speeds_are_exact():
    assert [len(change_speed(sine(440, 9900), s)) for s in (0.9, 1.0, 1.1)] == [11000, 9900, 9000]


@pytest.mark.parametrize("speed", [0, -1, 0.001, 11, np.nan])
def test_impossible_speeds_are_refused(speed):
    with pytest.raises(UserError, match=f"speed is {speed}; expected 0.1 to 10"):
        change_speed(sine(440), speed)


@pytest.mark.parametrize("samples", [1, 40, 3000])
def test_reverberate_is_the_convolution_written_out(rng, samples):
    sound, response = rng.standard_normal(samples), rng.uniform(-0.5, 0.5, 50)
    response[7] = -2
    expected = np.zeros(samples)
    for n in range(samples):
        for k in range(50):
            if 0 <= n - (k - 7) < samples:
                expected[n] += response[k] * sound[n - (k - 7)]
    expected *= np.sqrt(energy(sound) / energy(expected))
    np.testing.assert_allclose(reverberate(sound, response), expected, atol=1e-12)


def test_reverberation_keeps_time_length_and_energy(rng, speech):
    click = np.zeros(4000, np.float32)
    click[1500] = 0.5
    room = np.concatenate([np.zeros(300, np.float32), make_room(RATE, 0.4, 3, rng)])
    heard = reverberate(click, room)
    assert heard.argmax() == 1500
    assert not np.abs(heard[:1500]).max() > 1e-6  # nothing before the direct sound
    heard = reverberate(speech, room)
    assert (len(heard), heard.dtype) == (len(speech), np.float32)
    assert energy(heard) == pytest.approx(energy(speech), rel=1e-5)
    assert np.abs(heard - speech).max() > 0.01


@pytest.mark.parametrize(("seconds", "direct_db"), [(0.1, 0), (0.5, 12), (0.3, -5)])
def test_a_synthesised_response_decays_by_60_decibels(rng, seconds, direct_db):
    room = make_room(RATE, seconds, direct_db, rng)
    assert (len(room), room.dtype, room[0]) == (1 + round(seconds * RATE), np.float32, 1)
    assert decibels(1 / energy(room[1:])) == pytest.approx(direct_db, abs=1e-4)
    powers = [energy(part) for part in np.array_split(room[1:], 10)]
    slope = np.polyfit(np.arange(10) / 10, decibels(np.array(powers)), 1)[
        0
    ]  # dB over the whole length
    assert slope == pytest.approx(-60, abs=3)


def test_synthesised_noise_ranges_from_white_to_brown(rng):
    octaves = []
    for _ in range(40):
        noise = make_noise(RATE, rng)
        assert (noise.shape, noise.dtype) == ((RATE,), np.float32)
        power = np.abs(np.fft.rfft(noise, norm="ortho")) ** 2
        low, high = power[500:1000].mean(), power[4000:8000].mean()
        octaves.append(decibels(low / high) / 3)
    assert -1 < min(octaves) < 1  # white: dB an octave
    assert 5 < max(octaves) < 7  # brown
    assert 2 < np.median(octaves) < 4


@pytest.mark.parametrize("count", [0, 1, 2, 7, 997])
def test_synthesised_noise_of_any_length(rng, count):
    assert make_noise(count, rng).shape == (count,)


def test_a_long_noise_is_cut_at_any_position(rng):
    noise = np.arange(10)
    starts = {int(cut_noise(noise, 4, rng)[0]) for _ in range(300)}
    assert starts == set(range(7))
    np.testing.assert_array_equal(np.diff(cut_noise(noise, 4, rng)), 1)
    np.testing.assert_array_equal(cut_noise(noise, 10, rng), noise)


def test_a_short_noise_is_repeated(rng):
    starts = set()
    for _ in range(100):
        cut = cut_noise(np.arange(5), 12, rng)
        starts.add(int(cut[0]))
        np.testing.assert_array_equal(cut, (cut[0] + np.arange(12)) % 5)
    assert starts == set(range(5))


@pytest.mark.parametrize("snr_db", [-10, 0, 12.5, 30])
@pytest.mark.parametrize("level", [1e-15, 1e-3, 1, 1e4])
def test_the_signal_to_noise_ratio_is_exact(rng, speech, snr_db, level):
    noise = (level * rng.standard_normal(len(speech))).astype(np.float32)
    noisy = add_noise(speech.astype(np.float64), noise, snr_db)
    added = noisy - speech
    assert decibels(energy(speech) / energy(added)) == pytest.approx(snr_db, abs=1e-4)
    assert np.corrcoef(added, noise)[0, 1] == pytest.approx(1)


def test_float32_stays_float32(rng, speech):
    assert add_noise(speech, rng.standard_normal(8000), 10).dtype == np.float32
    assert reverberate(speech, rng.standard_normal(80)).dtype == np.float32
    assert change_gain(speech, 3.0).dtype == np.float32


def test_silence_stays_silence(rng):
    silence, noise = np.zeros(500, np.float32), np.ones(500, np.float32)
    assert not add_noise(silence, noise, 10).any()
    assert not reverberate(silence, noise).any()
    np.testing.assert_array_equal(add_noise(noise, silence, 10), noise)
    np.testing.assert_array_equal(reverberate(noise, silence[:9]), noise)
    assert not augment(silence, RATE, rng, ALL).any()


def test_gain_in_decibels(speech):
    np.testing.assert_allclose(change_gain(speech, 20), 10 * speech, rtol=1e-6)
    np.testing.assert_allclose(change_gain(speech, -6.0206), speech / 2, rtol=1e-5)


def test_full_scale_is_never_exceeded_and_nothing_is_clipped(speech):
    np.testing.assert_array_equal(fit_full_scale(speech), speech)
    loud = 30 * speech
    fitted = fit_full_scale(loud)
    assert np.abs(fitted).max() == 1
    np.testing.assert_allclose(fitted, loud / np.abs(loud).max(), rtol=1e-6)


def test_all_off_changes_nothing(rng, speech):
    np.testing.assert_array_equal(augment(speech, RATE, rng, OFF), speech)


def test_the_generator_alone_determines_the_result(speech):
    kept = speech.copy()
    outs = [augment(speech, RATE, np.random.default_rng(seed), ALL) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(outs[0], outs[1])
    assert len(outs[0]) != len(outs[2]) or not np.allclose(outs[0], outs[2])
    rng = np.random.default_rng(1)
    first, second = augment(speech, RATE, rng, ALL), augment(speech, RATE, rng, ALL)
    np.testing.assert_array_equal(first, outs[0])
    assert len(first) != len(second) or not np.allclose(first, second)
    np.testing.assert_array_equal(speech, kept)


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_kept(rng, name):
    """Each effect by itself, on a sound so short that hundreds take no time."""
    sound = rng.uniform(-0.1, 0.1, 300).astype(np.float32)
    for share, low, high in ((0, 0, 0), (0.4, 0.33, 0.47), (1, 1, 1)):
        config = only(**{name: share})
        outs = [augment(sound, RATE, rng, config) for _ in range(600 if 0 < share < 1 else 20)]
        changed = np.mean([len(o) != 300 or not np.array_equal(o, sound) for o in outs])
        assert low <= changed <= high


def test_speeds_are_equally_likely(rng):
    sound = np.ones(99, np.float32)
    config = only(speeds=(0.9, 1.0, 1.1))
    lengths = [len(augment(sound, RATE, rng, config)) for _ in range(600)]
    for length in (110, 99, 90):
        assert 0.25 < lengths.count(length) / 600 < 0.42


def test_values_span_their_ranges(rng, speech):
    """Each value is measured in the result."""
    sound = np.ones(1000, np.float32) / 100
    lengths = [
        len(augment(sound, RATE, rng, only(stretch_share=1, stretch=(0.8, 1.25))))
        for _ in range(60)
    ]
    assert 800 <= min(lengths) < 850 < 1150 < max(lengths) <= 1250

    noises = [rng.standard_normal(8000).astype(np.float32)]
    config = only(noise_share=1, snr_db=(5, 25))
    outs = [augment(speech, RATE, rng, config, noises) for _ in range(60)]
    ratios = [decibels(energy(speech) / energy(out - speech)) for out in outs]
    assert 4.99 < min(ratios) < 8 < 22 < max(ratios) < 25.01

    outs = [augment(sound, RATE, rng, only(gain_db=(-6, 3))) for _ in range(60)]
    gains = [decibels(energy(out) / energy(sound)) for out in outs]
    assert -6.01 < min(gains) < -5 < 2 < max(gains) < 3.01

    outs = [augment(sine(1000, 4000), RATE, rng, only(pitch_share=1)) for _ in range(60)]
    semitones = [12 * np.log2(peak_hertz(out) / 1000) for out in outs]
    assert -2.1 < min(semitones) < -1.6 < 1.6 < max(semitones) < 2.1


def test_the_length_follows_from_speed_and_stretch_alone(rng, speech):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        config = dataclasses.replace(ALL, speeds=(1.25,), stretch=(0.8, 0.8))
        assert len(augment(speech, RATE, rng, config)) == 8000


@pytest.mark.parametrize(("rate", "size"), [(16000, 512), (8000, 256)])
def test_the_vocoders_window_lasts_as_long_at_every_sampling_rate(rng, speech, rate, size):
    out = augment(speech, rate, rng, only(stretch_share=1, stretch=(0.9, 0.9)))
    np.testing.assert_array_equal(out, time_stretch(speech, 0.9, size))


def test_loud_results_are_turned_down(rng):
    for config in (only(gain_db=(40, 40)), only(noise_share=1, snr_db=(-40, -40))):
        assert np.abs(augment(sine(440), RATE, rng, config)).max() <= 1


def test_all_given_noises_and_rooms_are_used(rng):
    click = np.zeros(100, np.float32)
    click[20] = 0.1
    rooms = [np.eye(1, 31, 0, dtype=np.float32)[0] for _ in range(3)]
    for i, room in enumerate(rooms):
        room[10 * (i + 1)] = 0.5
    seen = set()
    for _ in range(40):
        heard = augment(click, RATE, rng, only(reverb_share=1), rooms=rooms)
        seen.add(int(np.argsort(heard)[-2]))
    assert seen == {30, 40, 50}
    noises = [np.full(100, -1, np.float32), np.full(100, 1, np.float32)]
    config = only(noise_share=1)
    signs = {float(np.sign(augment(click, RATE, rng, config, noises)[0])) for _ in range(40)}
    assert signs == {-1.0, 1.0}


@pytest.mark.parametrize("count", [0, 1, 2, 50, 600])
def test_any_length(rng, count):
    sound = rng.uniform(-1, 1, count).astype(np.float32)
    for _ in range(5):
        out = augment(sound, RATE, rng, ALL)
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        assert abs(out).max(initial=0) <= 1


def test_the_papers_share_of_noise():
    assert Augmentation().noise_share == 0.4


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"noise_share": 1.5}, "noise_share is 1.5; expected 0 to 1"),
        ({"pitch_share": -0.1}, "pitch_share is -0.1; expected 0 to 1"),
        ({"reverb_share": np.nan}, "reverb_share is nan; expected 0 to 1"),
        ({"speeds": ()}, r"speeds is \(\); expected 0.1 to 10"),
        ({"speeds": (1, 0)}, r"speeds is \(1, 0\); expected 0.1 to 10"),
        ({"stretch": (1.1, 0.9)}, r"stretch is \(1.1, 0.9\); expected \(lowest, highest\)"),
        ({"snr_db": (5,)}, r"snr_db is \(5,\); expected \(lowest, highest\)"),
        ({"gain_db": (0, np.inf)}, r"gain_db is \(0, inf\); expected -100 to 100"),
        ({"pitch": (-40, 2)}, r"pitch is \(-40, 2\); expected -24 to 24"),
        ({"room_seconds": (0, 1)}, r"room_seconds is \(0, 1\); expected 0.01 to 10"),
    ],
)
def test_impossible_augmentations_are_refused(fields, message):
    with pytest.raises(UserError, match=message):
        Augmentation(**fields)


def test_real_noises_and_rooms(shared_data, speech, rng):
    folder = shared_data / "noise"
    if not folder.is_dir():
        pytest.skip("no noises among the real recordings")
    noises = load_sounds(folder / "speechbrain_noise", RATE)
    rooms = load_sounds(folder / "speechbrain_rirs", RATE)
    assert (len(noises), len(rooms)) == (5, 4)
    for room in rooms:
        heard = reverberate(speech, room)
        assert energy(heard) == pytest.approx(energy(speech), rel=1e-5)
        lags = np.correlate(heard, speech, "full")
        assert np.abs(lags).argmax() - (len(speech) - 1) == 0  # not delayed
    for _ in range(5):
        out = augment(speech, RATE, rng, ALL, noises, rooms)
        assert np.isfinite(out).all()
        assert np.abs(out).max() <= 1


def test_quiet_lies_around_the_speech(rng):
    speech, before, after = rng.standard_normal(8000).astype(np.float32), [], []
    for _ in range(200):
        heard = add_quiet(speech, 8000, 1.5, rng)
        assert heard.dtype == np.float32
        at = np.correlate(heard, speech, "valid").argmax()
        noise = heard.astype(np.float64)
        noise[at : at + 8000] -= speech
        ratio = 10 * np.log10(np.square(heard - noise).sum() / np.square(noise).sum())
        assert 39.5 < ratio < 80.5
        before.append(at / 8000)
        after.append((len(heard) - 8000 - at) / 8000)
    assert max(before) <= 0.2
    assert max(after) <= 1.5
    assert np.mean(before) == pytest.approx(0.1, abs=0.02)
    assert np.mean(after) == pytest.approx(0.5, abs=0.15)
    with pytest.raises(UserError, match="seconds of quiet is 61; expected 0 to 60"):
        add_quiet(speech, 8000, 61, rng)
