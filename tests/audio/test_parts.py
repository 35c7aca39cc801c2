"""Parts of a recording, and a choice of channel."""

import numpy as np
import pytest
import soundfile

from ds2np.audio import load_audio
from ds2np.audio.load import read_sound
from ds2np.errors import UserError

RATE = 22050


def write(path, samples, rate=RATE, **options):
    soundfile.write(path, samples, rate, **options)
    return path


@pytest.fixture
def stereo(rng):
    return rng.uniform(-0.5, 0.5, (2 * RATE, 2)).astype(np.float32)


@pytest.mark.parametrize(
    ("format_", "subtype"), [("WAV", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS")]
)
@pytest.mark.parametrize("new_rate", [RATE, 16000, 44100])
@pytest.mark.parametrize(
    ("start", "duration"), [(0, 0.3), (0.7, 0.5), (1.234567, 0.1), (0.5, None), (1.7, 0.3), (0, 2)]
)
def test_a_part_equals_that_of_the_whole(
    tmp_path, stereo, format_, subtype, new_rate, start, duration
):
    path = write(tmp_path / "a", stereo, format=format_, subtype=subtype)
    whole, _ = load_audio(path, new_rate)
    part, rate = load_audio(path, new_rate, start=start, duration=duration)
    assert (rate, part.dtype) == (new_rate, np.float32)
    first = round(start * new_rate)
    if duration is not None:
        assert len(part) == round(duration * new_rate)
    expected = whole[first:] if duration is None else whole[first : first + len(part)]
    np.testing.assert_allclose(part, expected, atol=1e-6)


def test_only_the_part_is_decoded(tmp_path, stereo, monkeypatch):
    path, decoded = write(tmp_path / "a.wav", stereo), []
    read = soundfile.SoundFile.read

    def count(self, frames, *arguments, **options):
        decoded.append(frames)
        return read(self, frames, *arguments, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    load_audio(path, 16000, start=1, duration=0.1)
    assert 0.1 * RATE < decoded[0] < 0.2 * RATE


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ({"start": 1.5, "duration": 1}, "lasts 2 s; expected at least 2.5 s"),
        ({"start": 2, "duration": 0.01}, "lasts 2 s; expected at least 2.01 s"),
        ({"start": 2}, "lasts 2 s; expected more than 2 s"),
        ({"start": 700, "duration": 1}, "lasts 2 s; expected at least 701 s"),
        ({"start": -1}, "cannot read None s from -1 s on; expected a start of 0 s or later"),
        ({"start": np.nan}, "cannot read None s from nan s on"),
        ({"duration": 0}, "cannot read 0 s from 0.0 s on; .* and a duration above 0 s"),
        ({"duration": np.inf}, "cannot read inf s"),
        ({"channel": 2}, "has 2 channels but not channel 2; expected 0 to 1"),
        ({"channel": -1}, "has 2 channels but not channel -1"),
        ({"channel": 0.5}, "has 2 channels but not channel 0.5"),
        ({"channel": "left"}, "has 2 channels but not channel left"),
    ],
)
@pytest.mark.parametrize("new_rate", [RATE, 8000])
def test_what_a_recording_does_not_have_is_refused(tmp_path, stereo, part, found, new_rate):
    path = write(tmp_path / "a.wav", stereo)
    with pytest.raises(UserError, match=rf"a\.wav:? {found}"):
        load_audio(path, new_rate, **part)


def test_a_rounded_duration_may_end_a_little_after_the_recording(tmp_path, stereo):
    path = write(tmp_path / "a.wav", stereo[:-100])
    part, _ = load_audio(path, start=1, duration=1)
    assert len(part) == RATE - 100


def test_a_channel_is_chosen_or_all_are_averaged(tmp_path, stereo):
    path = write(tmp_path / "a.wav", stereo, subtype="FLOAT")
    for channel in range(2):
        np.testing.assert_array_equal(load_audio(path, channel=channel)[0], stereo[:, channel])
    np.testing.assert_array_equal(load_audio(path)[0], stereo.mean(axis=1))
    mono = write(tmp_path / "b.wav", stereo[:, 0], subtype="FLOAT")
    np.testing.assert_array_equal(load_audio(mono, channel=0)[0], stereo[:, 0])
    with pytest.raises(UserError, match=r"b\.wav has 1 channel but not channel 1; expected 0$"):
        load_audio(mono, channel=1)


def test_a_broken_channel_does_no_harm_to_the_other(tmp_path, stereo):
    stereo[7, 1] = np.nan
    path = write(tmp_path / "a.wav", stereo, subtype="FLOAT")
    np.testing.assert_array_equal(load_audio(path, channel=0)[0], stereo[:, 0])
    with pytest.raises(UserError, match="NaN"):
        load_audio(path)


def test_a_sound_knows_its_file(tmp_path, stereo):
    sound = read_sound(write(tmp_path / "a.wav", stereo), 16000)
    assert (sound.rate, sound.recorded_rate, sound.channels) == (16000, RATE, 2)
