import numpy as np
import pytest
import scipy.signal

from ds2np.audio import log_spectrogram, spectrogram
from ds2np.audio.frames import WINDOWS, count_frames, frame_sizes, make_window
from ds2np.audio.mel import mel_filters
from ds2np.audio.spectrogram import BLOCK, log_spectrogram_forward
from ds2np.audio.stft import POWER_FLOOR
from ds2np.errors import UserError


@pytest.mark.parametrize(("size", "stride"), [(320, 160), (320, 100), (201, 77)])
@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_scipy_agrees(rng, window, size, stride):
    samples = rng.standard_normal(2000)
    _, _, power = scipy.signal.spectrogram(
        samples,
        window=scipy.signal.get_window(window, size),
        nperseg=size,
        noverlap=size - stride,
        detrend=False,
        mode="complex",
        scaling="spectrum",
    )
    # SciPy's "spectrum" divides by the window's sum; ours is the root of the sum of its squares.
    weights = make_window(window, size)
    power = np.abs(power.T) ** 2 * weights.sum() ** 2 / (weights**2).sum()
    out, _ = log_spectrogram_forward(samples, size, stride, window)
    np.testing.assert_allclose(out, np.log(power + POWER_FLOOR), atol=1e-10)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("size", [160, 400])
def test_white_noise_has_the_power_of_its_variance_whatever_the_window(rng, window, size):
    out, _ = log_spectrogram_forward(3 * rng.standard_normal(80000), size, size, window)
    assert np.exp(out).mean() == pytest.approx(9, rel=0.02)


def test_a_sine_peaks_in_its_bin():
    samples = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    out = log_spectrogram(samples, 16000)  # 50 Hz a bin
    assert (out.argmax(axis=1) == 20).all()


@pytest.mark.parametrize("count", [320, 321, 479, 480, 16000])
def test_frames_are_whole_windows(count):
    out = log_spectrogram(np.ones(count, np.float32), 16000)
    assert out.shape == (count_frames(count, 320, 160), 161)
    assert len(out) == len(range(0, count - 320 + 1, 160))


def test_less_than_a_window_is_refused():
    with pytest.raises(UserError, match=r"lasts 19\.9 ms.*at least one window of 20 ms"):
        log_spectrogram(np.ones(319), 16000)


def test_single_precision_is_precise_enough(rng):
    samples = 0.1 * rng.standard_normal(16000)
    out = log_spectrogram(samples.astype(np.float32), 16000)
    np.testing.assert_allclose(out, log_spectrogram(samples, 16000), atol=0.01)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("frames", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 1, 4321])
def test_long_sounds_are_computed_in_blocks_without_seams(frames, threads, rng, monkeypatch):
    monkeypatch.setattr(spectrogram, "spare_threads", lambda: threads)
    size, stride = frame_sizes(1000, 20, 10)
    samples = rng.standard_normal((frames - 1) * stride + size + 3)
    whole, _ = log_spectrogram_forward(samples, size, stride)
    np.testing.assert_array_equal(log_spectrogram(samples, 1000), whole)
    whole, _ = log_spectrogram_forward(samples, size, stride, filters=mel_filters(1000, size, 4))
    np.testing.assert_allclose(log_spectrogram(samples, 1000, mels=4), whole, rtol=1e-12)
    assert len(whole) == frames
    level = rng.uniform(0.5, 2, frames)
    whole, _ = log_spectrogram_forward(samples, size, stride, level=level)
    np.testing.assert_array_equal(log_spectrogram(samples, 1000, level=level), whole)
    single = log_spectrogram(samples.astype(np.float32), 1000, level=level)
    assert single.dtype == np.float32
    rounded = samples.astype(np.float32).astype(float)
    whole, _ = log_spectrogram_forward(rounded, size, stride, level=level)
    np.testing.assert_allclose(single, whole, rtol=1e-6, atol=1e-6)
