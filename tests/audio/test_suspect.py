"""Recordings in which a network will hardly recognise speech are described, others are not."""

import numpy as np
import pytest
import soundfile

from ds2np.audio import describe_suspect, read_sound
from ds2np.errors import UserError

RATE = 16000


def warnings_of(path, samples, rate=RATE, cut=0, **options):
    part = options.pop("part", {})
    soundfile.write(path, samples, rate, **options)
    path.write_bytes(path.read_bytes()[: -cut or None])
    return list(describe_suspect("a.wav", read_sound(path, RATE, **part), RATE).values())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.wav"


@pytest.fixture
def speech(rng):
    return 0.2 * np.sin(np.linspace(0, 9, RATE)) * rng.standard_normal(RATE)


def test_a_good_recording_is_not_suspect(path, speech, rng):
    assert not warnings_of(path, speech)
    assert not warnings_of(path, speech, 44100)
    for gain in (1e-8, 1e4):
        assert not warnings_of(path, gain * speech, subtype="FLOAT")
    other = rng.standard_normal(RATE)
    for channels in ([speech, speech], [speech, other], [speech, 0 * speech], [other] * 8):
        assert not warnings_of(path, np.stack(channels, axis=1), subtype="FLOAT")


def test_a_telephone_recording_for_a_network_of_wideband_speech(path, speech):
    (warning,) = warnings_of(path, speech, 8000)
    assert warning == (
        "a.wav was recorded at 8,000 Hz, but the network expects 16,000 Hz: "
        "all sound above 4,000 Hz is missing"
    )


@pytest.mark.parametrize("offset", [0, 0.3])
@pytest.mark.parametrize("gain", [1, 0.9, 1e-3])
def test_channels_in_opposite_phase(path, speech, gain, offset):
    channels = gain * np.stack([speech, -0.95 * speech], axis=1) + offset
    (warning,) = warnings_of(path, channels, subtype="DOUBLE")
    assert warning.startswith("a.wav has 2 channels that cancel each other out")
    assert not warnings_of(path, channels, subtype="DOUBLE", part={"channel": 1})


@pytest.mark.parametrize("level", [0.0, 0.1])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_U8", "FLOAT", "ULAW"])
def test_silence(path, subtype, level):
    silence = np.full(RATE, level)
    assert warnings_of(path, silence, subtype=subtype) == ["a.wav is silent from beginning to end"]


@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24), ("PCM_U8", 8)])
def test_quantisation_of_silence(path, rng, subtype, bits):
    dither = rng.integers(-1, 2, RATE) * 2.0 ** (1 - bits)
    assert warnings_of(path, dither, subtype=subtype)
    assert not warnings_of(path, 9 * dither, subtype=subtype)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_cut_off(path, speech, channels):
    speech = np.stack([speech] * channels, axis=1)
    (warning,) = warnings_of(path, speech, cut=8000, subtype="PCM_16")
    bytes_ = 2 * RATE * channels
    assert warning == (
        f"a.wav is cut off: its header promises {bytes_} bytes of audio, "
        f"but the file holds {bytes_ - 8000}"
    )


@pytest.mark.parametrize(
    ("format_", "found"),
    [("AIFF", "its header promises 320008 bytes of audio"), ("OGG", "its last page is missing")],
)
def test_a_recording_cut_off_in_other_formats(path, rng, format_, found):
    noise = rng.uniform(-0.5, 0.5, 10 * RATE)
    (warning,) = warnings_of(path, noise, cut=3000, format=format_)
    assert warning.startswith(f"a.wav is cut off: {found}")


def test_a_recording_of_which_nothing_is_left(path, rng):
    with pytest.raises(UserError, match=r"a\.wav is cut off: its last page is missing"):
        warnings_of(path, rng.uniform(-0.5, 0.5, RATE), cut=3000, format="OGG")


def test_a_recording_cut_off_in_a_format_that_states_samples(path, speech):
    (warning,) = warnings_of(path, speech, cut=3000, format="MP3")
    assert warning.startswith("a.wav is cut off: its header promises 1.00 s of audio, but only 0.")
