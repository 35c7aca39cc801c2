"""Every public function of sound refuses what it cannot compute with, in one sentence."""

import dataclasses

import numpy as np
import pytest

from ds2np.audio import Augmentation, Features, augment, log_spectrogram, normalise
from ds2np.audio.effects import (
    add_noise,
    change_gain,
    change_speed,
    cut_noise,
    fit_full_scale,
    make_noise,
    make_room,
    reverberate,
)
from ds2np.audio.frames import frame_forward, frame_sizes, make_window, window_forward
from ds2np.audio.mel import mel_filters, mel_forward
from ds2np.audio.resampling import Resampler, resample
from ds2np.audio.spectrogram import log_spectrogram_forward
from ds2np.audio.stft import stft_forward
from ds2np.audio.vocoder import istft, pitch_shift, time_stretch
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2Config

RATE = 1600
CONFIG = DeepSpeech2Config(sample_rate=RATE, conv=(), normalisation="corpus", bidirectional=False)
RNG = np.random.default_rng(0)
ONES = np.ones(900, np.float32)
HANN = make_window("hann", 32)

OF_SAMPLES = {
    "log_spectrogram": lambda x: log_spectrogram(x, RATE),
    "log_spectrogram_forward": lambda x: log_spectrogram_forward(x, 32, 16),
    "stft_forward": lambda x: stft_forward(x, HANN, 16),
    "Features": Features(CONFIG),
    "Features by utterance": Features(dataclasses.replace(CONFIG, normalisation="utterance")),
    "FeatureStream": lambda x: Features(CONFIG).stream().push(x),
    "resample": lambda x: resample(x, RATE, 1000),
    "Resampler": lambda x: Resampler(RATE, 1000).push(x),
    "resample to the same rate": lambda x: resample(x, RATE, RATE),
    "change_speed": lambda x: change_speed(x, 1.1),
    "time_stretch": lambda x: time_stretch(x, 1.1),
    "pitch_shift": lambda x: pitch_shift(x, 1),
    "reverberate": lambda x: reverberate(x, ONES),
    "impulse response": lambda x: reverberate(ONES, x),
    "add_noise": lambda x: add_noise(x, ONES, 10),
    "noise": lambda x: add_noise(ONES, x, 10),
    "change_gain": lambda x: change_gain(x, 3),
    "fit_full_scale": fit_full_scale,
    "augment": lambda x: augment(x, RATE, RNG, Augmentation()),
}
WRONG = {
    "int16": np.full(900, 1000, np.int16),
    "uint8": np.full(900, 100, np.uint8),
    "float16": np.ones(900, np.float16),
    "longdouble": np.ones(900, np.longdouble),
    "complex128": np.ones(900, complex),
    "bool": np.ones(900, bool),
    "stereo": np.ones((900, 2), np.float32),
    "a number": np.float32(1),
    "a list": [0.1] * 900,
    "nothing": None,
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("function", OF_SAMPLES.values(), ids=OF_SAMPLES)
def test_only_floats_of_one_channel_are_samples(function, wrong):
    with pytest.raises(ValueError, match=r"^expected floats of shape \(samples,\), .*, got "):
        function(wrong)
    for dtype in (np.float32, np.float64):
        function(np.ones(900, dtype))


def test_the_message_says_what_was_given_and_what_to_do():
    message = (
        r"^expected floats of shape \(samples,\), float32 or float64, got int16 \(900,\); "
        r"divide integers by their full scale$"
    )
    with pytest.raises(ValueError, match=message):
        log_spectrogram(WRONG["int16"], RATE)
    with pytest.raises(ValueError, match=r"got list without a shape$"):
        log_spectrogram(WRONG["a list"], RATE)


@pytest.mark.parametrize("dtype", [np.int64, np.float16])
def test_steps_of_the_spectrogram_refuse_types_in_which_their_weights_would_be_0(dtype):
    x = np.ones((5, 4), dtype)
    for step in (
        lambda: window_forward(x, make_window("hann", 4)),
        lambda: mel_forward(x, np.full((2, 4), 0.4)),
        lambda: normalise(x),
    ):
        with pytest.raises(ValueError, match="expected floats of shape"):
            step()


@pytest.mark.parametrize("rate", [0, -8000, 16000.5, 16000.0, True, np.nan, "16000", None])
@pytest.mark.parametrize(
    "function",
    [
        lambda rate: log_spectrogram(ONES, rate),
        lambda rate: resample(ONES, rate, 1000),
        lambda rate: resample(ONES, 1000, rate),
        lambda rate: frame_sizes(rate, 20, 10),
        lambda rate: Resampler(rate, 1000),
        lambda rate: mel_filters(rate, 32, 2),
        lambda rate: make_room(rate, 0.1, 0, RNG),
        lambda rate: augment(ONES, rate, RNG, Augmentation()),
    ],
)
def test_a_sampling_rate_is_a_positive_whole_number(function, rate):
    with pytest.raises(ValueError, match=r"sampling rate is .*, expected a whole number from"):
        function(rate)


USER, VALUE = UserError, ValueError
NOTHING = np.zeros(0, np.float32)
ENDS = {
    "SNR too low": (lambda: add_noise(ONES, ONES, -1000), USER, "snr_db is -1000; expected -100"),
    "SNR NaN": (lambda: add_noise(ONES, ONES, np.nan), USER, "snr_db is nan; expected -100 to 100"),
    "noise too short": (lambda: add_noise(ONES, ONES[1:], 0), VALUE, "899 samples .* match 900"),
    "one sample": (lambda: add_noise(ONES, ONES[:1], 0), VALUE, "1 samples .* do not match 900"),
    "gain too high": (lambda: change_gain(ONES, 1000), USER, "gain_db is 1000; expected -100 to"),
    "gain NaN": (lambda: change_gain(ONES, np.nan), USER, "gain_db is nan"),
    "no room": (lambda: make_room(RATE, 0, 0, RNG), USER, "seconds is 0; expected 0.01 to 10"),
    "negative room": (lambda: make_room(RATE, -1, 0, RNG), USER, "seconds is -1; expected 0.01"),
    "endless room": (lambda: make_room(RATE, np.inf, 0, RNG), USER, "seconds is inf"),
    "direct sound": (lambda: make_room(RATE, 1, -400, RNG), USER, "direct_db is -400; expected"),
    "empty response": (lambda: reverberate(ONES, NOTHING), VALUE, "the impulse response is empty"),
    "empty noise": (lambda: cut_noise(NOTHING, 3, RNG), VALUE, "the noise is empty"),
    "negative cut": (lambda: cut_noise(ONES, -3, RNG), VALUE, "number of samples is -3, expected"),
    "negative noise": (lambda: make_noise(-1, RNG), VALUE, "number of samples is -1, expected"),
    "half a sample": (lambda: make_noise(1.5, RNG), VALUE, "number of samples is 1.5, expected"),
    "no mel bands": (lambda: mel_filters(RATE, 32, 0), VALUE, "mels is 0, expected a whole number"),
    "mel bands": (lambda: log_spectrogram(ONES, RATE, mels=-2), VALUE, "mels is -2, expected"),
    "no window": (
        lambda: log_spectrogram(ONES, RATE, window_ms=0),
        USER,
        "window_ms is 0; expecte",
    ),
    "window NaN": (lambda: log_spectrogram(ONES, RATE, np.nan), USER, "window_ms is nan; expected"),
    "stride inf": (lambda: frame_sizes(RATE, 20, np.inf), USER, "stride_ms is inf; expected a"),
    "backwards": (lambda: frame_forward(ONES, 8, -1), VALUE, "the stride is -1, expected a whole"),
    "empty window": (lambda: make_window("hann", 0), VALUE, "the size of a window is 0, expected"),
    "vocoder's window": (
        lambda: time_stretch(ONES, 1.1, 3),
        VALUE,
        "size of a window is 3, expect",
    ),
    "speed": (lambda: time_stretch(ONES, 1e-9), USER, "time stretch is 1e-09; expected 0.1 to 10"),
    "inverse": (
        lambda: istft(np.ones((2, 9), complex), HANN, 16),
        VALUE,
        r"\(2, 9\) does not match",
    ),
}


@pytest.mark.parametrize(("call", "error", "message"), ENDS.values(), ids=ENDS)
def test_arguments_at_their_ends_are_refused_in_one_sentence(call, error, message):
    with pytest.raises(error, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_samples_are_still_a_sound(count):
    few = np.full(count, 0.5, np.float32)
    same = {"change_gain": change_gain(few, 0), "noise": add_noise(few, few, 100)}
    same |= {"room": reverberate(few, ONES[:1]), "full scale": fit_full_scale(few)}
    same |= {"speed": change_speed(few, 1), "shift": pitch_shift(few, 3)}
    for name, out in same.items():
        assert (out.shape, out.dtype) == (few.shape, few.dtype), name
        assert np.isfinite(out).all(), name
    assert time_stretch(few, 0.5).shape == (2 * count,)
    assert resample(few, 3, 7).shape == (-(-count * 7 // 3),)


def test_the_loudest_and_softest_noise_is_finite():
    for snr_db in (-100, 100):
        assert np.isfinite(add_noise(ONES, ONES, snr_db)).all()
