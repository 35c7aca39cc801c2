"""What people hand over as a recording: any name, pipes, binary files, parts and channels."""

import io
import os
import threading

import numpy as np
import pytest
import soundfile

from ds2np.audio import load_audio
from ds2np.errors import UserError

RATE = 8000


@pytest.fixture
def samples(rng):
    return rng.uniform(-0.5, 0.5, 3 * RATE).astype(np.float32)


@pytest.fixture
def path(samples, tmp_path):
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    return tmp_path / "a.wav"


def test_a_binary_file_is_read_from_its_beginning(path, samples):
    data = io.BytesIO(path.read_bytes())
    for _ in range(2):
        np.testing.assert_array_equal(load_audio(data)[0], samples)
    with path.open("rb") as file:
        file.seek(70)
        np.testing.assert_array_equal(load_audio(file, RATE, start=1)[0], samples[RATE:])


def test_messages_name_a_binary_file_if_it_has_a_name(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("hello")
    with path.open("rb") as file, pytest.raises(UserError, match=r"a\.wav is not readable"):
        load_audio(file)
    with pytest.raises(UserError, match="the audio is not readable"):
        load_audio(io.BytesIO(b"hello"))


@pytest.mark.parametrize("file", [None, 3, np.zeros(9), io.StringIO("hello")])
def test_what_is_no_file_is_refused(file):
    with pytest.raises(ValueError, match="expected a path or a binary file, got "):
        load_audio(file)


@pytest.mark.parametrize("as_object", [False, True])
def test_pipes(path, samples, tmp_path, as_object):
    os.mkfifo(tmp_path / "pipe")
    data = path.read_bytes()
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[data])
    writer.start()
    if as_object:
        with open(tmp_path / "pipe", "rb", buffering=0) as pipe:
            loaded, _ = load_audio(pipe)
    else:
        loaded, _ = load_audio(tmp_path / "pipe", start=0.5, duration=1)
        samples = samples[RATE // 2 : 3 * RATE // 2]
    writer.join()
    np.testing.assert_array_equal(loaded, samples)


def test_a_name_that_is_not_utf8(path, samples, tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.wav"
    os.rename(path, name)
    for file in (name, os.fsdecode(name), tmp_path / os.fsdecode(b"caf\xe9.wav")):
        np.testing.assert_array_equal(load_audio(file)[0], samples)
    os.truncate(name, 20)
    with pytest.raises(UserError, match=r"/caf\\xe9\.wav is not readable audio") as caught:
        load_audio(os.fsdecode(name))
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize("as_object", [False, True])
@pytest.mark.parametrize("riff_length", [None, 0])
def test_a_header_that_states_no_samples_though_some_follow(path, samples, riff_length, as_object):
    samples[:9] = 0
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    data = bytearray(path.read_bytes())
    data[40:44] = bytes(4)
    if riff_length is not None:
        data[4:8] = bytes(4)
    path.write_bytes(data)
    loaded, _ = load_audio(io.BytesIO(data) if as_object else path)
    np.testing.assert_allclose(loaded, samples, atol=1e-4)


def test_an_empty_file_with_a_comment_behind_it_is_empty(path):
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        file.comment = "hello"
    data = path.read_bytes()
    data += b"LIST" + (10).to_bytes(4, "little") + b"INFOabcdef"
    path.write_bytes(data)
    with pytest.raises(UserError, match="holds no samples"):
        load_audio(path)


def test_a_resource_fork_of_macos_beside_a_recording(tmp_path, rng):
    """Copied to another disk, NAME has a file ._NAME beside it."""
    soundfile.write(tmp_path / "a.mp3", 0.1 * rng.standard_normal(8000), 8000)
    expected, _ = load_audio(tmp_path / "a.mp3")
    (tmp_path / "._a.mp3").write_bytes(b"\0\x05\x16\x07" + bytes(4092))
    np.testing.assert_array_equal(load_audio(tmp_path / "a.mp3")[0], expected)
