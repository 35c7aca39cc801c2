import numpy as np
import pytest
import soundfile

from ds2np.audio import load_audio
from ds2np.errors import UserError


def sine(hertz, rate, seconds=0.5):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def peak_hertz(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return spectrum.argmax() * rate / len(samples)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 1e-4),
        ("a.wav", "FLOAT", 1e-7),
        ("a.flac", "PCM_16", 1e-4),
        ("a.ogg", "VORBIS", 0.05),
    ],
)
def test_formats(tmp_path, name, subtype, tolerance):
    samples = sine(440, 16000)
    soundfile.write(tmp_path / name, samples, 16000, subtype=subtype)
    loaded, rate = load_audio(tmp_path / name)
    assert (loaded.dtype, loaded.shape, rate) == (np.float32, samples.shape, 16000)
    np.testing.assert_allclose(loaded, samples, atol=tolerance)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("wanted", [8000, 16000])
def test_a_sine_keeps_its_pitch_and_loudness_when_resampled(tmp_path, rate, wanted):
    soundfile.write(tmp_path / "a.wav", sine(1000, rate), rate, subtype="FLOAT")
    samples, got = load_audio(tmp_path / "a.wav", wanted)
    assert (got, len(samples), samples.dtype) == (wanted, wanted // 2, np.float32)
    assert peak_hertz(samples, wanted) == pytest.approx(1000, abs=2)
    middle = samples[wanted // 8 : -wanted // 8]  # away from the filter's edges
    assert np.sqrt((middle**2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_frequencies_above_half_the_new_rate_are_filtered_out(tmp_path):
    soundfile.write(tmp_path / "a.wav", sine(7000, 16000), 16000)
    samples, _ = load_audio(tmp_path / "a.wav", 8000)
    assert np.abs(samples[400:-400]).max() < 0.01


def test_channels_are_averaged(tmp_path):
    left, right = sine(300, 8000), sine(500, 8000)
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 8000, subtype="FLOAT")
    samples, _ = load_audio(str(tmp_path / "a.wav"))
    np.testing.assert_allclose(samples, (left + right) / 2, atol=1e-6)


def write_text(path):
    path.write_text("the cat is happy\n" * 9)


def write_headless(path):
    soundfile.write(path, sine(440, 8000), 8000)
    path.write_bytes(path.read_bytes()[:30])


def write_nothing(path):
    soundfile.write(path, np.zeros(0), 8000)


def write_not_finite(value):
    def write(path):
        samples = sine(440, 8000)
        samples[[7, 9]] = value
        soundfile.write(path, samples, 8000, subtype="DOUBLE")

    return write


def write_rate(rate):
    def write(path):
        soundfile.write(path, sine(440, 8000), 8000)
        data = bytearray(path.read_bytes())
        data[24:28] = rate.to_bytes(4, "little")
        path.write_bytes(data)

    return write


def write_without_length(path):
    soundfile.write(path, sine(440, 8000), 8000, format="FLAC")
    data = bytearray(path.read_bytes())
    data[21:26] = bytes([data[21] & 0xF0, 0, 0, 0, 0])
    path.write_bytes(data)


def write_huge(path):
    soundfile.write(path, 1e30 * sine(440, 8000), 8000, subtype="FLOAT")


BROKEN = {
    "missing": (lambda path: None, "no such audio file"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "text": (write_text, "not readable audio"),
    "truncated": (write_headless, "not readable audio"),
    "zero bytes": (lambda path: path.touch(), "not readable audio"),
    "no samples": (write_nothing, "holds no samples"),
    "NaN": (write_not_finite(np.nan), "2 samples that are NaN or infinite"),
    "impossible rate": (write_rate(2_000_000_000), "a sampling rate of 2000000000 Hz"),
    "no length": (write_without_length, "bad.wav"),
    "huge": (write_huge, "a peak of 5e+29"),
    "infinite": (write_not_finite(np.inf), "2 samples that are NaN or infinite"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_file_is_named_with_the_problem(tmp_path, kind):
    make, reason = BROKEN[kind]
    path = tmp_path / "bad.wav"
    make(path)
    with pytest.raises(UserError) as caught:
        load_audio(path, 16000)
    assert str(caught.value).startswith(str(path))
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_samples_without_a_header(tmp_path):
    (tmp_path / "a.raw").write_bytes(bytes(800))
    with pytest.raises(UserError, match=r"a\.raw is not readable audio"):
        load_audio(tmp_path / "a.raw")


def test_a_length_that_does_not_fit_into_memory(tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise MemoryError

    soundfile.write(tmp_path / "a.wav", sine(440, 8000), 8000)
    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    with pytest.raises(UserError, match=r"a\.wav does not fit into memory"):
        load_audio(tmp_path / "a.wav")
