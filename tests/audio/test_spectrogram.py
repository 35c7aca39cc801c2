import numpy as np
import pytest
import scipy.signal

from ds2np.audio import log_spectrogram, normalise
from ds2np.audio.spectrogram import (
    POWER_FLOOR,
    count_frames,
    hann_window,
    log_spectrogram_backward,
    log_spectrogram_forward,
    normalise_backward,
    normalise_forward,
)
from ds2np.errors import UserError
from ds2np.gradcheck import compare_gradients, numerical_gradient

# Even and odd windows; strides that divide the window, that do not, and that leave gaps.
SIZES = [(8, 4), (8, 3), (9, 4), (7, 7), (5, 8)]


@pytest.mark.parametrize(("size", "stride"), [(320, 160), (320, 100), (201, 77)])
def test_scipy_agrees(rng, size, stride):
    samples = rng.standard_normal(2000)
    _, _, power = scipy.signal.spectrogram(
        samples,
        window=scipy.signal.get_window("hann", size),
        nperseg=size,
        noverlap=size - stride,
        detrend=False,
        mode="complex",
        scaling="spectrum",
    )
    # SciPy's "spectrum" divides by the window's sum; ours is the root of the sum of its squares.
    window = hann_window(size)
    power = np.abs(power.T) ** 2 * window.sum() ** 2 / (window**2).sum()
    out, _ = log_spectrogram_forward(samples, size, stride)
    np.testing.assert_allclose(out, np.log(power + POWER_FLOOR), atol=1e-10)


def test_a_sine_peaks_in_its_bin():
    samples = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)
    out = log_spectrogram(samples, 16000)  # 50 Hz a bin
    assert (out.argmax(axis=1) == 20).all()


@pytest.mark.parametrize("count", [320, 321, 479, 480, 16000])
def test_frames_are_whole_windows(count):
    out = log_spectrogram(np.ones(count, np.float32), 16000)
    assert out.shape == (count_frames(count, 320, 160), 161)
    assert len(out) == len(range(0, count - 320 + 1, 160))


def test_less_than_a_window_has_no_frame():
    assert count_frames(319, 320, 160) == 0
    with pytest.raises(UserError, match=r"lasts 19\.9 ms.*20 ms is the least"):
        log_spectrogram(np.ones(319), 16000)


@pytest.mark.parametrize(("size", "stride"), SIZES)
def test_gradient_of_the_log_spectrogram(rng, size, stride):
    samples = rng.standard_normal(30)
    out, cache = log_spectrogram_forward(samples, size, stride)
    upstream = rng.standard_normal(out.shape)

    def loss():
        return (log_spectrogram_forward(samples, size, stride)[0] * upstream).sum()

    got = log_spectrogram_backward(upstream, cache)
    comparison = compare_gradients("samples", got, numerical_gradient(loss, samples))
    assert comparison.ok, comparison


def test_gradient_of_the_normalisation(rng):
    x = rng.standard_normal((5, 4))
    out, cache = normalise_forward(x)
    upstream = rng.standard_normal(out.shape)

    def loss():
        return (normalise_forward(x)[0] * upstream).sum()

    got = normalise_backward(upstream, cache)
    comparison = compare_gradients("x", got, numerical_gradient(loss, x))
    assert comparison.ok, comparison


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_that_goes_in_comes_out(rng, dtype):
    samples = rng.standard_normal(100).astype(dtype)
    spectrogram, cache = log_spectrogram_forward(samples, 9, 4)
    out, norm_cache = normalise_forward(spectrogram)
    dspectrogram = normalise_backward(np.ones_like(out), norm_cache)
    dsamples = log_spectrogram_backward(dspectrogram, cache)
    assert {a.dtype for a in (spectrogram, out, dspectrogram, dsamples)} == {np.dtype(dtype)}
    assert dsamples.shape == samples.shape


def test_inputs_are_left_as_they_are(rng):
    samples, upstream = rng.standard_normal(100), rng.standard_normal((23, 5))
    before = samples.copy(), upstream.copy()
    log_spectrogram_backward(upstream, log_spectrogram_forward(samples, 9, 4)[1])
    normalise_backward(upstream, normalise_forward(upstream)[1])
    np.testing.assert_array_equal(samples, before[0])
    np.testing.assert_array_equal(upstream, before[1])


def test_normalised_is_each_frequency_without_its_mean_at_variance_1(rng):
    out = normalise(3 * rng.standard_normal((50, 9)) + np.arange(9))
    np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-12)
    assert (out**2).mean() == pytest.approx(1)


def test_loudness_changes_nothing(rng):
    samples = rng.standard_normal(16000)  # noise: hardly any power near the floor
    loud, quiet = (normalise(log_spectrogram(g * samples, 16000)) for g in (1, 0.03))
    np.testing.assert_allclose(quiet, loud, atol=0.01)


def test_silence_stays_finite():
    assert not normalise(log_spectrogram(np.zeros(1600, np.float32), 16000)).any()
