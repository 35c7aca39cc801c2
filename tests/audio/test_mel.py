import re
from pathlib import Path

import numpy as np
import pytest

from ds2np.audio import log_spectrogram
from ds2np.audio.frames import make_window
from ds2np.audio.mel import hertz_to_mel, mel_filters, mel_forward, mel_to_hertz
from ds2np.audio.stft import POWER_FLOOR, power_forward, stft_forward
from ds2np.errors import UserError

FROZEN = np.load(Path(__file__).parents[1] / "frozen" / "librosa.npz")


@pytest.mark.parametrize("name", [name for name in FROZEN if re.match("filters.*slaney", name)])
def test_librosa_has_the_same_filters(name):
    _, *sizes, _ = name.split()
    filters = mel_filters(*map(int, sizes))
    np.testing.assert_allclose(filters, FROZEN[name], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", [name for name in FROZEN if re.match("mel.*slaney", name)])
def test_librosa_has_the_same_mel_spectrogram(name):
    _, size, stride, window, mels, _ = name.split()
    window = make_window(window, int(size))
    power, _ = power_forward(stft_forward(FROZEN["samples"], window, int(stride))[0])
    out, _ = mel_forward(power, mel_filters(16000, int(size), int(mels)))
    np.testing.assert_allclose(out, FROZEN[name].T, rtol=1e-12)


def test_hertz_to_mel_and_back():
    hertz = np.linspace(0, 8000, 81)
    mel = hertz_to_mel(hertz)
    assert (np.diff(mel) > 0).all()
    np.testing.assert_allclose(mel_to_hertz(mel), hertz, atol=1e-9)


def test_1000_hertz_are_15_mel():
    assert hertz_to_mel(1000.0) == pytest.approx(15)


def test_white_noise_is_equally_loud_in_all_bands():
    filters = mel_filters(16000, 3200, 20)  # 5 Hz apart: fine enough for the area to come out
    np.testing.assert_allclose(5 * filters.sum(axis=1), 1, rtol=0.01)


def test_too_many_bands_are_refused():
    with pytest.raises(
        UserError, match=r"128 mel bands .* 161 frequencies, 50 Hz .* 3 of the bands"
    ):
        mel_filters(16000, 320, 128)


def test_the_log_spectrogram_in_mel_bands(rng):
    samples = rng.standard_normal(4000)
    linear, bands = log_spectrogram(samples, 16000), log_spectrogram(samples, 16000, mels=40)
    power = (np.exp(linear) - POWER_FLOOR) @ mel_filters(16000, 320, 40).T
    np.testing.assert_allclose(bands, np.log(power + POWER_FLOOR), atol=1e-10)
