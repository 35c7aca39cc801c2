import numpy as np
import pytest
import soundfile

from ds2np.data.recordings import BadRecording, durations_differ, listen, read_header

RATE = 16000


@pytest.fixture
def record(tmp_path, rng):
    """Write a second of noise, or the samples given."""

    def write(name="a.wav", samples=None, **options):
        path = tmp_path / name
        samples = 0.1 * rng.standard_normal(RATE) if samples is None else samples
        soundfile.write(path, samples, RATE, **options)
        return path

    return write


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def refused(kind, call, *arguments):
    with pytest.raises(BadRecording) as caught:
        call(*arguments)
    assert caught.value.kind == kind
    return str(caught.value)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "aiff", "mp3"])
def test_an_intact_recording_is_accepted(record, suffix):
    path = record(f"a.{suffix}")
    header = read_header(path)
    assert header.rate == RATE
    assert header.seconds == pytest.approx(1, abs=0.1)  # MP3 comes in blocks
    assert header.format.startswith(suffix.upper())
    assert header.format.endswith(", 1 channel")
    assert header.content == b""
    heard = listen(path, header)
    assert heard.content
    assert (heard.seconds, heard.format) == (pytest.approx(header.seconds), header.format)


def test_channels_are_counted(record, rng):
    path = record(samples=0.1 * rng.standard_normal((RATE, 2)))
    assert read_header(path).format == "WAV PCM_16, 2 channels"


@pytest.mark.parametrize("suffix", ["wav", "aiff", "ogg"])
def test_a_header_that_promises_more_than_the_file_holds(record, suffix):
    path = cut(record(f"a.{suffix}"))
    assert "is cut off" in refused("truncated audio", read_header, path)


def test_the_message_states_both_lengths(record):
    message = refused("truncated audio", read_header, cut(record()))
    assert "promises 32000 bytes of audio, but the file holds 15978" in message


def test_a_truncated_flac_is_found_by_listening(record):
    path = cut(record("a.flac"))
    header = read_header(path)
    assert header.seconds == 1
    refused("unusable audio", listen, path, header)


def test_sound_that_ends_before_its_header_says_is_found_by_listening(record, monkeypatch):
    path = record()
    header = read_header(path)
    read = soundfile.SoundFile.read
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *a, **k: read(*a, **k)[: RATE // 2])
    message = refused("truncated audio", listen, path, header)
    assert "promises 1.00 s of audio, but only 0.50 s can be decoded" in message


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\x00\xff\xff\x7f"])
def test_a_length_that_a_pipe_left_unknown_is_no_damage(record, length):
    path = record()
    content = path.read_bytes()
    path.write_bytes(content[:40] + length + content[44:])  # the size of "data"
    header = read_header(path)
    assert header.seconds == 1
    assert listen(path, header).seconds == 1


def test_a_flac_that_does_not_state_its_length_is_refused(record):
    path = record("a.flac")
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    path.write_bytes(content)
    assert "does not state its length" in refused("unusable audio", read_header, path)


def test_a_file_that_is_not_audio_is_named(record, tmp_path):
    refused("missing audio", read_header, tmp_path / "no.wav")
    refused("missing audio", read_header, tmp_path / "nul\0.wav")
    assert "is not a file" in refused("unusable audio", read_header, tmp_path)
    for name in ("a.wav", "a.raw"):
        (tmp_path / name).write_text("the cat is happy\n" * 9)
        assert str(tmp_path / name) in refused("unusable audio", read_header, tmp_path / name)
    empty = record(samples=np.zeros(0))
    assert "holds no samples" in refused("unusable audio", read_header, empty)


def test_a_header_that_promises_more_than_memory_holds(record, monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError

    path = record()
    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    message = refused("unusable audio", listen, path, read_header(path))
    assert f"{path} does not fit into memory; check the length stated in its header" in message


def test_samples_that_are_not_numbers(record):
    path = record(samples=np.array([0.1, np.nan, np.inf, 0.2] * 99), subtype="FLOAT")
    message = refused("unusable audio", listen, path, read_header(path))
    assert "198 samples that are NaN or infinite" in message


def test_a_loud_float_recording_is_not_clipped(record, rng):
    """Floats have no full scale; what makes clipping audible is that the tops are flat."""
    sine = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    for samples in (3 * sine, 32768 * rng.standard_normal(RATE)):
        path = record(samples=samples, subtype="FLOAT")
        listen(path, read_header(path))
    for level in (1e-3, 0.3, 1.0, 32768.0):  # cut off, and scaled afterwards
        path = record(samples=level * np.clip(1.1 * sine, -1, 1), subtype="FLOAT")
        refused("clipped audio", listen, path, read_header(path))


@pytest.mark.parametrize("gain", [1e-4, 1e-2, 1e4])
def test_a_float_recording_may_have_any_gain(record, rng, gain):
    path = record(samples=gain * rng.standard_normal(RATE), subtype="FLOAT")
    listen(path, read_header(path))


def test_channels_that_cancel_each_other_out(record, rng):
    one = 0.1 * rng.standard_normal(RATE)
    path = record(samples=np.stack([one, -one], axis=1))
    header = read_header(path)
    message = refused("cancelling channels", listen, path, header)
    assert "2 channels that cancel each other out" in message
    assert listen(path, header, channel=1).seconds == 1


@pytest.mark.parametrize("level", [0, 0.5])
def test_silence_at_any_level(record, level):
    path = record(samples=np.full(RATE, float(level)))
    refused("silent audio", listen, path, read_header(path))


def test_a_soft_voice_is_not_silent(record, rng):
    path = record(samples=2e-3 * rng.uniform(-1, 1, RATE))
    listen(path, read_header(path))


def test_clipping_is_found_and_a_sound_of_full_scale_is_not_clipped(record):
    sine = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    whole = record(samples=sine)
    listen(whole, read_header(whole))
    clipped = record(samples=np.clip(1.1 * sine, -1, 1))
    message = refused("clipped audio", listen, clipped, read_header(clipped))
    # Half a period has 40 samples, 11 of them above 1 / 1.1; the two at their ends do not count.
    assert "22.5 % of its samples" in message


def test_equal_sounds_have_equal_contents(record, rng):
    samples = rng.integers(-999, 999, RATE, np.int16)  # formats round in ways of their own

    def content(*arguments):
        path = record(*arguments)
        return listen(path, read_header(path)).content

    assert content("a.wav", samples) == content("b.flac", samples)
    assert content("a.wav", samples) != content("c.wav", -samples)


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [(1, 1.09, False), (1, 1.11, True), (1.11, 1, True), (20, 20.19, False), (20, 20.21, True)],
)
def test_a_tenth_of_a_second_or_one_percent_is_tolerated(a, b, differ):
    assert durations_differ(a, b) == differ
