import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from ds2np.audio import Augmentation, augment, load_sounds
from ds2np.audio.sounds import CACHED, MANY
from ds2np.errors import UserError

RATE = 16000
TONE = 0.1 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE))
SUFFIX_OF = {"MPC2K": "snd", "WAVEX": "wav"}  # where the format's name is not its suffix
NO_SOUND = {"RAW", "MAT4", "MAT5"}  # samples without a header, and matrices


def write(path, samples=TONE, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)


@pytest.fixture
def folder(tmp_path):
    """Twelve recordings of the constants 1/100 to 12/100, which show the number of each."""
    for i in range(12):
        write(tmp_path / f"{i:02}.wav", np.full(50, (i + 1) / 100))
    return tmp_path


def number(sound):
    return round(100 * float(sound[0])) - 1


def damage(folder, *numbers):
    for i in numbers:
        (folder / f"{i:02}.wav").write_bytes(b"no sound")


def test_sounds_are_found_in_subfolders_and_resampled(tmp_path):
    write(tmp_path / "b.WAV", format="WAV")
    write(tmp_path / "deep" / "er" / "a.flac", TONE[:800], 8000)
    (tmp_path / "README.txt").write_text("noises")
    sounds = load_sounds(str(tmp_path), RATE)
    assert [path.name for path in sounds.paths] == ["b.WAV", "a.flac"]
    assert [len(sounds[i]) for i in range(len(sounds))] == [RATE, 1600]
    assert sounds[0].dtype == np.float32


def test_links_are_followed_and_resource_forks_passed_over(tmp_path):
    write(tmp_path / "elsewhere" / "a.wav")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "noise" / "._a.wav").write_bytes(b"Mac OS X")
    sounds = load_sounds(tmp_path / "noise", RATE)
    assert [path.name for path in sounds.paths] == ["a.wav"]
    assert len(sounds[0]) == RATE


@pytest.mark.parametrize("name", sorted(set(soundfile.available_formats()) - NO_SOUND))
def test_every_format_of_libsndfile_is_found_and_read(tmp_path, name):
    rate = 44_100 if name == "XI" else 8000  # XI has no other
    path = tmp_path / f"a.{SUFFIX_OF.get(name, name.lower())}"
    write(path, TONE[:8000], rate, format=name, subtype=soundfile.default_subtype(name))
    sounds = load_sounds(tmp_path, rate)
    assert sounds.paths == [path]
    assert len(sounds[0]) == pytest.approx(8000, abs=1200)  # MP3 pads with silence
    assert np.linalg.norm(sounds[0]) == pytest.approx(np.linalg.norm(TONE[:8000]), rel=0.05)


@pytest.mark.parametrize("suffix", ["opus", "oga", "aif", "aifc", "sph"])
def test_other_suffixes_of_these_formats(tmp_path, suffix):
    write(tmp_path / "a.wav")
    (tmp_path / "a.wav").rename(tmp_path / f"a.{suffix}")  # libsndfile looks at the content
    assert len(load_sounds(tmp_path, RATE)[0]) == RATE


def test_sounds_are_read_once_on_first_use(tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "b.wav")
    sounds = load_sounds(tmp_path, RATE)
    first = sounds[0]
    (tmp_path / "a.wav").unlink()
    assert sounds[0] is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 1


def test_only_the_last_sounds_are_kept(tmp_path):
    for i in range(CACHED + 1):
        write(tmp_path / f"{i}.wav", TONE[:100])
    sounds = load_sounds(tmp_path, RATE)
    first, *_, last = [sounds[i] for i in range(CACHED + 1)]
    assert sounds[CACHED] is last
    assert sounds[0] is not first


def test_they_are_a_sequence(folder):
    sounds = load_sounds(folder, RATE)
    assert [number(sound) for sound in sounds] == list(range(12))
    assert number(sounds[-1]) == 11
    with pytest.raises(IndexError):
        sounds[12]


def test_the_next_intact_one_replaces_a_damaged_one(folder, capsys):
    damage(folder, 3, 4, 11)
    write(folder / "07.wav", np.zeros(50))
    (folder / "08.wav").unlink()
    (folder / "08.wav").symlink_to(folder / "gone.wav")
    sounds = load_sounds(folder, RATE)
    for _ in range(2):
        numbers = [number(sounds[i]) for i in range(12)]
        assert numbers == [0, 1, 2, 5, 5, 5, 6, 9, 9, 9, 10, 0]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 5  # each is named once
    assert lines[0].startswith(f"warning: {folder}/03.wav is not readable audio (")
    assert lines[0].endswith("; left out (1 of 12 so far)")
    silent = f"warning: {folder}/07.wav is silent from beginning to end; left out (3 of 12 so far)"
    assert lines[2] == silent


def test_neither_threads_nor_the_order_of_reading_change_a_draw(folder, capsys):
    damage(folder, 0, 1, 2, 3, 4)
    order = [0, 11, 4, 3, 7, 2, 2, 1, 5] * 20
    alone = load_sounds(folder, RATE)
    expected = [number(alone[i]) for i in order]
    assert [number(load_sounds(folder, RATE)[i]) for i in order[:9]] == expected[:9]
    capsys.readouterr()
    shared, gate = load_sounds(folder, RATE), threading.Barrier(8)

    def draw(turn, i):
        if turn < 8:
            gate.wait(10)  # the first eight begin together
        return number(shared[i])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(draw, range(180), order)) == expected
    assert len(capsys.readouterr().err.splitlines()) == 5


def test_a_folder_with_too_many_damaged_ones_is_refused(folder, capsys):
    damage(folder, *range(12))
    write(folder / "05.wav", np.full(50, 0.06))
    sounds = load_sounds(folder, RATE)
    with pytest.raises(UserError, match=r"^10 of 12 recordings cannot be used; the first: .*06\."):
        sounds[6]
    assert len(capsys.readouterr().err.splitlines()) == MANY


def test_a_small_folder_needs_one_intact_recording(tmp_path):
    for i in range(3):
        (tmp_path / f"{i:02}.wav").touch()
    for _ in range(2):
        with pytest.raises(UserError, match=r"^3 of 3 recordings cannot be used"):
            load_sounds(tmp_path, RATE)[1]
    write(tmp_path / "02.wav")
    assert len(load_sounds(tmp_path, RATE)[0]) == RATE


def test_unusable_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="gone: no such folder"):
        load_sounds(tmp_path / "gone", RATE)
    with pytest.raises(UserError, match=r"have no recordings, such as \.wav, \.flac, "):
        load_sounds(tmp_path, RATE)
    write(tmp_path / "a.wav")
    with pytest.raises(UserError, match=r"a\.wav: no such folder"):
        load_sounds(tmp_path / "a.wav", RATE)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match=r"cannot be read \(Permission denied\)"):
        load_sounds(tmp_path, RATE)


def test_augmentation_goes_on_without_the_damaged_ones(folder, capsys):
    damage(folder, 0, 5, 6)
    settings = Augmentation(noise_share=1, reverb_share=1)

    def change(sounds):
        rng = np.random.default_rng(0)
        return [augment(TONE[:800], RATE, rng, settings, sounds, sounds) for _ in range(20)]

    changed = change(load_sounds(folder, RATE))
    warned = capsys.readouterr().err.splitlines()
    read = load_sounds(folder, RATE)
    for sound in read:  # whatever has been read before
        assert sound.any()
    for first, second in zip(changed, change(read), strict=True):
        np.testing.assert_array_equal(first, second)
    assert 1 <= len(warned) <= 3
