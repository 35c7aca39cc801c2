import pytest
from helpers.launcher import holding

from ds2np.errors import UserError
from ds2np.model.run_folder import RunFolder


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "run")


def test_a_locked_folder_is_no_run_and_leaves_nothing(folder):
    with folder.locked():
        assert folder.lock.exists()
        assert not folder.holds_run
    assert not folder.path.exists()


def test_an_empty_folder_that_was_there_is_kept(folder):
    folder.path.mkdir()
    with folder.locked():
        pass
    assert list(folder.path.iterdir()) == []


def test_whoever_holds_it_removes_what_killed_runs_left(folder):
    folder.path.mkdir()
    (folder.path / "last.npz.0123456789abcdef.partial").touch()
    (folder.path / "notes.partial").touch()
    with folder.locked():
        assert not list(folder.path.glob("last*"))
    assert (folder.path / "notes.partial").exists()


def test_a_run_in_use_is_not_deleted(folder):
    folder.delete()  # there is none
    folder.path.mkdir()
    for file in (folder.config, folder.last, folder.path / "mine.txt"):
        file.touch()
    with holding(folder.lock) as process:
        for refused in (folder.delete, folder.check_free):
            with pytest.raises(
                UserError, match=f"{folder.path} is in use by process {process.pid} "
            ):
                refused()
        assert folder.last.exists()
    folder.delete()
    assert [path.name for path in folder.path.iterdir()] == ["mine.txt"]
