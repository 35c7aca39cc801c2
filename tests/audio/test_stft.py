from pathlib import Path

import numpy as np
import pytest
import scipy.signal

from ds2np.audio.frames import WINDOWS, count_frames, make_window
from ds2np.audio.stft import log_forward, power_forward, stft_backward, stft_forward

FROZEN = np.load(Path(__file__).parents[1] / "frozen" / "librosa.npz")


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize(("size", "stride"), [(320, 160), (320, 100), (201, 77), (64, 90)])
def test_scipy_agrees(rng, window, size, stride):
    samples = rng.standard_normal(2000)
    scipys = scipy.signal.ShortTimeFFT(
        scipy.signal.get_window(window, size), stride, fs=1, phase_shift=None
    )
    # SciPy's frame 0 is centred on sample 0; moved so that it begins there.
    expected = scipys.stft(
        samples, 0, count_frames(2000, size, stride), k_offset=scipys.m_num_mid
    ).T
    spectrum, _ = stft_forward(samples, make_window(window, size), stride)
    np.testing.assert_allclose(spectrum, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", [name for name in FROZEN if name.startswith("stft")])
def test_librosa_agrees(name):
    _, size, stride, window = name.split()
    window = make_window(window, int(size))
    spectrum, _ = stft_forward(FROZEN["samples"], window, int(stride))
    np.testing.assert_allclose(spectrum, FROZEN[name].T, rtol=0, atol=1e-13)
    power, _ = power_forward(spectrum)
    expected = FROZEN[name.replace("stft", "power")].T
    np.testing.assert_allclose(power, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("size", "stride"), [(320, 160), (441, 147)])
def test_backward_is_the_transpose_at_the_size_of_an_utterance(rng, size, stride):
    """The transform is linear: <U, A x> = <A' U, x> for all U and x."""
    samples = rng.standard_normal(22400)
    spectrum, cache = stft_forward(samples, make_window("hann", size), stride)
    upstream = rng.standard_normal(spectrum.shape) + 1j * rng.standard_normal(spectrum.shape)
    left = np.vdot(upstream, spectrum).real
    assert left == pytest.approx(stft_backward(upstream, cache) @ samples, rel=1e-10)


def test_silence_has_the_logarithm_of_the_floor():
    out, _ = log_forward(np.zeros((2, 3)), 1e-4)
    np.testing.assert_allclose(out, np.log(1e-4))
