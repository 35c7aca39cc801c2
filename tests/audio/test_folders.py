import os

import pytest

from ds2np.audio.folders import find_files


@pytest.fixture
def folder(tmp_path):
    for name in ("b.wav", "a.WAV", "deep/c.Flac", "deep/er/d.wav", "notes.txt", "wav"):
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "root"


def names(folder, suffixes=(".wav", ".flac")):
    return [path.relative_to(folder).as_posix() for path in find_files(folder, suffixes)]


def test_suffixes_count_in_any_case_and_subfolders_too(folder):
    assert names(folder) == ["a.WAV", "b.wav", "deep/c.Flac", "deep/er/d.wav"]
    assert names(folder, ".flac") == ["deep/c.Flac"]
    assert names(folder, ".ogg") == []


def test_hidden_files_and_folders_are_passed_over(folder):
    for name in ("._b.wav", ".hidden.wav", ".trash/e.wav", "deep/.cache/f.wav"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert names(folder) == ["a.WAV", "b.wav", "deep/c.Flac", "deep/er/d.wav"]


def test_a_hidden_root_is_searched(folder, tmp_path):
    folder.rename(tmp_path / ".root")
    assert len(names(tmp_path / ".root")) == 4


def test_links_are_followed(folder, tmp_path):
    (tmp_path / "speaker").mkdir()
    (tmp_path / "speaker" / "e.wav").touch()
    (folder / "linked").symlink_to(tmp_path / "speaker")
    (folder / "deep" / "again").symlink_to(tmp_path / "speaker")  # the other place counts as well
    (folder / "f.wav").symlink_to(tmp_path / "speaker" / "e.wav")
    assert set(names(folder)) >= {"linked/e.wav", "deep/again/e.wav", "f.wav"}


def test_links_that_lead_in_circles_end(folder, tmp_path):
    before = names(folder)
    (folder / "deep" / "er" / "root").symlink_to(folder)
    (folder / "self").symlink_to(folder / "self")
    assert names(folder) == before
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "back").symlink_to(folder)
    (folder / "other").symlink_to(tmp_path / "other")
    assert names(folder) == before
    (folder / "deep" / "up").symlink_to(tmp_path)  # the folder that the folder lies in
    assert names(folder) == before
    assert names(folder / "deep") == ["c.Flac", "er/d.wav"]


def test_a_broken_link_is_found_so_that_it_can_be_named(folder):
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    assert "gone.wav" in names(folder)


def test_pipes_are_passed_over(folder):
    os.mkfifo(folder / "pipe.wav")  # reading it would wait for ever
    assert "pipe.wav" not in names(folder)
