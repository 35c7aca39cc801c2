"""Recordings that are decoded block by block give the same as at once."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from ds2np.audio import read_sound, reader
from ds2np.audio.load import load_audio
from ds2np.errors import UserError

RATE = 16000


@pytest.fixture
def path(tmp_path, rng):
    path = tmp_path / "a.wav"
    channels = np.stack([0.1 + 0.2 * rng.standard_normal(3 * RATE), rng.uniform(-1, 1, 3 * RATE)])
    soundfile.write(path, channels.T, RATE, subtype="FLOAT")
    return path


@pytest.mark.parametrize("rate", [RATE, 8000, 11025])
@pytest.mark.parametrize("block", [1, 777, RATE, 3 * RATE])
def test_the_size_of_the_blocks_changes_nothing(path, monkeypatch, rate, block):
    whole = read_sound(path, rate, start=0.5, duration=0.1 if block == 1 else 2)
    monkeypatch.setattr(reader, "BLOCK", block)
    parts = read_sound(path, rate, start=0.5, duration=0.1 if block == 1 else 2)
    np.testing.assert_allclose(parts.samples, whole.samples, rtol=0, atol=1e-6)
    assert parts.kept == pytest.approx(whole.kept)
    assert (parts.channels, parts.silent, parts.cut) == (2, False, "")


def test_the_power_that_an_average_keeps(path):
    both, _ = soundfile.read(path)
    power = both.var(axis=0).mean()
    assert read_sound(path).kept == pytest.approx(both.mean(axis=1).var() / power, rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_in_any_block_are_counted(tmp_path, monkeypatch, value):
    monkeypatch.setattr(reader, "BLOCK", 100)
    samples = np.zeros((1000, 2))
    samples[::300, 1] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(UserError, match="holds 4 samples that are NaN or infinite"):
        load_audio(tmp_path / "a.wav")


def test_many_channels_at_a_high_rate_need_memory_for_one_at_the_rate_of_the_network(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(reader, "BLOCK", 4096)
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros((20 * 48000, 8), np.float32), 48000, subtype="PCM_16")
    load_audio(path, RATE)  # the filter is designed on first use
    tracemalloc.start()
    samples, _ = load_audio(path, RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * samples.nbytes  # all channels at 48 kHz are 24 times as much
