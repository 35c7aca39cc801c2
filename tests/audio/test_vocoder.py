import numpy as np
import pytest
import scipy.signal

from ds2np.audio import load_audio, log_spectrogram
from ds2np.audio.frames import make_window
from ds2np.audio.stft import stft_forward
from ds2np.audio.vocoder import istft, lock_phases, pitch_shift, time_stretch
from ds2np.errors import UserError

RATE = 16000


def sine(hertz, seconds=1.0, amplitude=0.5):
    t = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def vowel(hertz, seconds=1.0):
    """A pulse for each period, through two resonances: similar to a voice."""
    pulses = np.zeros(round(seconds * RATE))
    pulses[:: round(RATE / hertz)] = 1
    for centre in (600, 1400):
        pole = 0.97 * np.exp(2j * np.pi * centre / RATE)
        pulses = scipy.signal.lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], pulses)
    return (0.5 * pulses / np.abs(pulses).max()).astype(np.float32)


def middle(samples):
    return samples[len(samples) // 8 : -len(samples) // 8]


def hertz_by_zero_crossings(samples):
    """Count periods between the first and the last rising zero, each placed between samples."""
    samples = middle(samples).astype(np.float64)
    before = np.flatnonzero((samples[:-1] < 0) & (samples[1:] >= 0))
    zeros = before - samples[before] / (samples[before + 1] - samples[before])
    return (len(zeros) - 1) * RATE / (zeros[-1] - zeros[0])


def burst(rng):
    """A hundredth of a second of noise, 5000 samples from the beginning."""
    samples = np.zeros(8000, np.float32)
    samples[4920:5080] = rng.uniform(-1, 1, 160)
    return samples


def centre(samples):
    power = np.square(samples, dtype=np.float64)
    return (np.arange(len(samples)) * power).sum() / power.sum()


def rms(samples):
    return np.sqrt(np.square(samples, dtype=np.float64).mean())


@pytest.mark.parametrize("window", ["hann", "hamming", "rectangular"])
@pytest.mark.parametrize(("size", "stride"), [(64, 16), (64, 32), (50, 20), (51, 17), (64, 64)])
def test_istft_inverts_the_transform(rng, window, size, stride):
    window = make_window(window, size)
    samples = rng.standard_normal(size + 30 * stride)
    restored = istft(stft_forward(samples, window, stride)[0], window, stride)
    assert len(restored) == len(samples)
    covered = np.zeros(len(samples))
    for start in range(0, len(samples) - size + 1, stride):
        covered[start : start + size] += window**2
    seen = covered > 1e-4  # a sample that every window fades to 0 is lost
    assert seen.mean() > 0.9
    np.testing.assert_allclose(restored[seen], samples[seen], rtol=0, atol=1e-10)
    assert not restored[covered == 0].any()


def test_istft_of_a_changed_spectrum_is_the_least_squares_answer(rng):
    """Solve the linear equations, with a matrix whose columns are transforms of impulses."""
    window, stride = make_window("hamming", 8), 3
    count = 8 + 4 * stride
    columns = [stft_forward(impulse, window, stride)[0] for impulse in np.eye(count)]
    full = np.stack([_both_halves(column) for column in columns], axis=1)
    target = rng.standard_normal((5, 5)) + 1j * rng.standard_normal((5, 5))
    target[:, [0, -1]] = target[:, [0, -1]].real
    expected, *_ = np.linalg.lstsq(full, _both_halves(target), rcond=None)
    np.testing.assert_allclose(istft(target, window, stride), expected, atol=1e-12)


def _both_halves(spectrum):
    """Append the mirror images, which the transform of real frames leaves out."""
    both = np.concatenate([spectrum, spectrum[:, -2:0:-1].conj()], axis=1).reshape(-1)
    return np.concatenate([both.real, both.imag])


@pytest.mark.parametrize("size", [256, 512, 500])
def test_a_rate_of_1_changes_nothing(rng, size):
    samples = rng.uniform(-1, 1, 16001).astype(np.float32)
    np.testing.assert_allclose(time_stretch(samples, 1, size), samples, rtol=0, atol=2e-6)


@pytest.mark.parametrize("rate", [0.5, 0.8, 0.93, 1.1, 1.7])
@pytest.mark.parametrize("hertz", [150, 440, 3210.5])
def test_a_stretched_sine_keeps_its_pitch_and_loudness(rate, hertz):
    stretched = time_stretch(sine(hertz), rate)
    assert len(stretched) == round(RATE / rate)
    assert hertz_by_zero_crossings(stretched) == pytest.approx(hertz, rel=1e-3)
    assert rms(middle(stretched)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


@pytest.mark.parametrize("rate", [0.7, 1.0, 1.3])
def test_a_burst_arrives_at_its_new_time(rng, rate):
    assert centre(time_stretch(burst(rng), rate)) == pytest.approx(
        5000 / rate, abs=128
    )  # a quarter of a window


def test_a_rate_near_1_adds_up_in_the_long_run(rng):
    samples = np.concatenate([np.zeros(150000, np.float32), burst(rng)])
    assert centre(time_stretch(samples, 1.003)) == pytest.approx(155000 / 1.003, abs=128)


@pytest.mark.parametrize("rate", [0.75, 0.9, 1.1, 1.3])
def test_a_stretched_voice_keeps_its_power(rate):
    """With unlocked phases it loses about 3 dB."""
    samples = vowel(120)
    stretched = time_stretch(samples, rate)
    assert rms(stretched) == pytest.approx(rms(samples), rel=0.13)  # about 1 dB
    # The harmonics have not moved: power at multiples of the pitch, and none between.
    spectrum = np.abs(np.fft.rfft(middle(stretched) * np.hanning(len(middle(stretched))))) ** 2
    frequencies = np.fft.rfftfreq(len(middle(stretched)), 1 / RATE)
    pitch = RATE / round(RATE / 120)
    off = np.abs(frequencies / pitch - np.rint(frequencies / pitch))
    assert spectrum[off < 0.1].sum() > 0.9 * spectrum.sum()


def test_phases_that_belong_together_are_moved_together(rng):
    """Channels turned by one angle stay so; a loud one moves its neighbours along with it."""
    x = rng.standard_normal((4, 9)) + 1j * rng.standard_normal((4, 9))
    np.testing.assert_allclose(lock_phases(x * np.exp(0.7j), x), x * np.exp(0.7j))
    x[:, 4] = 1000
    turned = x.copy()
    turned[:, 4] *= np.exp(2j)
    locked = lock_phases(turned, x)
    np.testing.assert_allclose(locked[:, 3:6], x[:, 3:6] * np.exp(2j), rtol=1e-3)
    np.testing.assert_allclose(locked[:, [0, 1, 2, 6, 7, 8]], x[:, [0, 1, 2, 6, 7, 8]])


def test_real_speech_keeps_its_power_and_its_spectrogram(shared_data):
    """The spectrogram of the stretched sound is that of the sound, sampled at other times."""
    paths = sorted((shared_data / "LibriSpeech").rglob("*.flac"))[:2]
    if not paths:
        pytest.skip("no LibriSpeech recordings among the real ones")
    for path in paths:
        samples = load_audio(path, RATE)[0][: 4 * RATE]
        before = log_spectrogram(samples, RATE, mels=40)
        for rate in (0.9, 1.1):
            stretched = time_stretch(samples, rate)
            assert rms(stretched) == pytest.approx(rms(samples), rel=0.13)
            after = log_spectrogram(stretched, RATE, mels=40)
            times = np.minimum(np.rint(np.arange(len(after)) * rate).astype(int), len(before) - 1)
            expected = before[times]
            loud = expected > expected.max() - 12
            assert np.sqrt(np.square(after - expected)[loud].mean()) < 0.9  # 1.1 if not locked


@pytest.mark.parametrize("semitones", [-12, -2, -0.3, 0.05, 1.5, 7])
@pytest.mark.parametrize("hertz", [200, 1000])
def test_a_shifted_sine_keeps_its_length_and_loudness(semitones, hertz):
    samples = sine(hertz)
    shifted = pitch_shift(samples, semitones)
    assert len(shifted) == len(samples)
    expected = hertz * 2 ** (semitones / 12)
    assert hertz_by_zero_crossings(shifted) == pytest.approx(expected, rel=1.5e-3)
    assert rms(middle(shifted)) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_a_shifted_burst_keeps_its_time(rng):
    for semitones in (-4, 3):
        assert centre(pitch_shift(burst(rng), semitones)) == pytest.approx(
            5000, abs=128
        )  # a quarter of a window


def test_shifts_beyond_the_highest_frequency_do_not_alias():
    assert rms(middle(pitch_shift(sine(7000), 6))) < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [0, 1, 2, 7, 200, 511, 513, 4000])
@pytest.mark.parametrize("rate", [0.1, 0.9, 1.1, 10])
def test_any_length_of_sound_or_silence(rng, count, rate, dtype):
    for samples in (np.zeros(count, dtype), rng.uniform(-1, 1, count).astype(dtype)):
        kept = samples.copy()
        stretched, shifted = time_stretch(samples, rate), pitch_shift(samples, 24 * np.log10(rate))
        assert (stretched.dtype, shifted.dtype) == (dtype, dtype)
        assert (len(stretched), len(shifted)) == (round(count / rate), count)
        assert np.isfinite(stretched).all()
        assert np.isfinite(shifted).all()
        assert samples.any() or not (stretched.any() or shifted.any())
        np.testing.assert_array_equal(samples, kept)


@pytest.mark.parametrize("scale", [1e-20, 1e-38, 1e-44])
def test_the_faintest_sound_does_not_divide_by_zero(scale):
    samples = sine(440) * np.float32(scale)
    assert np.isfinite(time_stretch(samples, 0.9)).all()


@pytest.mark.parametrize("rate", [0, -1, 0.09, 11, np.nan, np.inf])
def test_impossible_speeds_are_refused(rate):
    with pytest.raises(UserError, match=f"time stretch is {rate}; expected 0.1 to 10"):
        time_stretch(sine(440), rate)


@pytest.mark.parametrize("semitones", [-25, np.nan, 1000])
def test_impossible_shifts_are_refused(semitones):
    with pytest.raises(
        UserError, match=f"pitch shift is {semitones} semitones; expected -24 to 24"
    ):
        pitch_shift(sine(440), semitones)
