"""The network's outputs over long recordings, piece by piece, in files."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from ds2np.align import outputs
from ds2np.align.levels import FLOOR, STEP, LevelMeter, find_quiet
from ds2np.align.outputs import Outputs, hear
from ds2np.audio import load_audio, reader
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2, preset
from ds2np.recogniser import Recogniser

RATE = 16000


@pytest.fixture(params=[(2, 1), (2, 2), (3, 1)])
def recogniser(request, monkeypatch):
    monkeypatch.setattr(outputs, "PIECE_SECONDS", 3)
    monkeypatch.setattr(outputs, "CONTEXT_SECONDS", 1)
    monkeypatch.setattr(reader, "BLOCK", 10_000)
    config = replace(preset("tiny"), layers=1, hidden=8).with_time_strides(request.param)
    return Recogniser(DeepSpeech2(config, seed=0))


def record(path, seconds, rate=RATE, rng=None):
    rng = rng or np.random.default_rng(0)
    soundfile.write(path, 0.1 * rng.standard_normal(round(seconds * rate)), rate, subtype="PCM_16")
    return path


def expected_outputs(recogniser, samples):
    """Run each piece with its surroundings through the network, written out plainly."""
    config, rows = recogniser.config, []
    frame = round(config.frame_ms * RATE / 1000)
    piece, around = round(3000 / config.frame_ms), round(1000 / config.frame_ms)
    total = int(config.out_lengths(config.count_frames(len(samples) / RATE)))
    for begin in range(0, total, piece):
        low, high = max(begin - around, 0), begin + piece + around
        x = recogniser.features(samples[low * frame : high * frame])
        log_probs, _ = recogniser.log_probs(x[None], np.array([len(x)]))
        rows.append(log_probs[0, begin - low : min(begin + piece, total) - low])
    return np.concatenate(rows)


@pytest.mark.parametrize("seconds", [0.5, 2.99, 3.0, 6.02, 17.3])
def test_pieces_are_utterances_with_their_surroundings(recogniser, tmp_path, seconds):
    path, done = record(tmp_path / "a.wav", seconds), []
    heard = hear(recogniser, path, tmp_path / "out", show=done.append)
    got = Outputs([heard.outputs], len(recogniser.config.alphabet()))
    expected = expected_outputs(recogniser, load_audio(path, RATE)[0])
    np.testing.assert_allclose(got[:], expected, atol=1e-4)
    assert heard.seconds == seconds
    assert len(np.fromfile(heard.levels, np.float32)) == int(round(seconds / STEP, 6))
    assert sum(done) >= seconds - 0.1


def test_slices_of_several_recordings(tmp_path):
    rng, arrays = np.random.default_rng(0), []
    for i, count in enumerate((3, 0, 5, 2)):
        arrays.append(rng.standard_normal((count, 4)).astype(np.float32))
        arrays[-1].tofile(tmp_path / f"{i}")
    joined, got = np.concatenate(arrays), Outputs([tmp_path / f"{i}" for i in range(4)], 4)
    assert len(got) == 10
    assert got.begins.tolist() == [0, 3, 3, 8, 10]
    for start in range(11):
        for stop in range(start, 12):
            np.testing.assert_array_equal(got[start:stop], joined[start:stop])


def test_it_goes_on_where_it_was_interrupted(recogniser, tmp_path, monkeypatch):
    path, out = record(tmp_path / "a.wav", 30), tmp_path / "out"
    whole = hear(recogniser, path, tmp_path / "whole")
    run, calls = recogniser.log_probs, []

    def interrupted(x, lengths):
        calls.append(len(x))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(x, lengths)

    monkeypatch.setattr(recogniser, "log_probs", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hear(recogniser, path, out)
    with open(out, "ab") as file:
        file.write(b"half a row")
    hear(recogniser, path, out)
    assert sum(calls) == 4 + 4 + 6  # the second four were lost; ten pieces in all
    assert out.read_bytes() == whole.outputs.read_bytes()
    hear(recogniser, path, out)  # nothing is left to do
    assert sum(calls) == 14
    record(path, 30, rng=np.random.default_rng(1))
    hear(recogniser, path, out)
    assert sum(calls) == 24  # another recording of the same name
    other = Recogniser(DeepSpeech2(recogniser.config, seed=1))
    hear(other, path, out)
    assert out.read_bytes() != whole.outputs.read_bytes()
    assert json.loads((tmp_path / "out.json").read_text())["seconds"] == 30


def test_what_cannot_be_heard(recogniser, tmp_path):
    with pytest.raises(UserError, match=r"none.wav cannot be read \(No such file"):
        hear(recogniser, tmp_path / "none.wav", tmp_path / "out")
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(UserError, match=r"a.txt is not readable audio"):
        hear(recogniser, tmp_path / "a.txt", tmp_path / "out")
    with pytest.raises(UserError, match=r"short.wav: .*shorter|short.wav: "):
        hear(recogniser, record(tmp_path / "short.wav", 0.01), tmp_path / "out")
    soundfile.write(tmp_path / "silent.wav", np.zeros(5 * RATE), RATE)
    heard = hear(recogniser, tmp_path / "silent.wav", tmp_path / "out")
    assert "is silent from beginning to end" in heard.warnings[0]
    assert (np.fromfile(heard.levels, np.float32) == FLOOR).all()


def test_levels_are_those_of_each_hundredth():
    rng = np.random.default_rng(0)
    samples = (rng.standard_normal(RATE) * np.linspace(0, 1, RATE) + 0.3).astype(np.float32)
    meter = LevelMeter(RATE)
    got = np.concatenate([meter.push(part) for part in np.split(samples, [7, 1000, 1001, 9999])])
    expected = [
        20 * np.log10(samples[i : i + 160].astype(float).std()) for i in range(0, RATE, 160)
    ]
    np.testing.assert_allclose(got, np.maximum(expected, FLOOR), atol=1e-3)


@pytest.mark.parametrize("gain", [0, -40])
@pytest.mark.parametrize("floor", [-80, -55])
def test_quiet_is_relative_to_what_is_around(gain, floor):
    rng = np.random.default_rng(0)
    speech = np.arange(20_000) // 100 % 3 > 0  # two seconds of three
    levels = np.where(speech, -25, floor) + rng.normal(0, 3, 20_000)
    levels[10_000:] += 15  # somebody comes nearer to the microphone
    quiet = find_quiet(levels + gain)
    assert np.mean(quiet != ~speech) < 0.05


def test_minutes_of_noise_are_loud_and_minutes_of_nothing_are_quiet():
    rng = np.random.default_rng(0)
    speech = np.where(np.arange(30_000) // 100 % 3 > 0, -25, -70) + rng.normal(0, 3, 30_000)
    for level, expected in ((-30, 0.0), (-70, 1.0)):
        levels = np.concatenate([speech, level + rng.normal(0, 2, 20_000), speech])
        quiet = find_quiet(levels)
        assert np.mean(quiet[32_000:48_000]) == pytest.approx(expected, abs=0.05)
    assert find_quiet(np.zeros(0)).tolist() == []
