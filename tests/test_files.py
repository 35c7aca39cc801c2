"""Writing and locking, with interruptions and other processes."""

import errno
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
from helpers.launcher import holding

from ds2np import files
from ds2np.errors import UserError
from ds2np.files import locked, replacing


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with replacing(path) as one, replacing(path) as other:
        one.write("one")
        other.write("the other")
        assert names(tmp_path) == sorted(os.path.basename(file.name) for file in (one, other))
    assert path.read_text() == "one"  # the last one wins
    assert names(tmp_path) == ["a.txt"]


def test_an_interruption_keeps_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")

    def write():
        with replacing(path) as file:
            file.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert (path.read_text(), names(tmp_path)) == ("before", ["a.txt"])


def test_a_file_that_a_killed_process_left_is_removed(tmp_path):
    mine = ["film.partial", "notes", "a.txt.0123.partial"]
    left = ["a.txt.0123456789abcdef.partial", "b.npz.fedcba9876543210.partial"]
    for name in (*mine, *left):
        (tmp_path / name).touch()
    for name in (*mine, left[0]):
        os.utime(tmp_path / name, (time.time() - 2 * files.ABANDONED,) * 2)
    with replacing(tmp_path / "a.txt") as file:
        file.write("new")
    assert names(tmp_path) == sorted([*mine, left[1], "a.txt"])  # that one may be in use


def test_a_lock_names_its_process_and_dies_with_it(tmp_path):
    path = tmp_path / "lock"
    with holding(path) as process:
        with pytest.raises(UserError) as caught, locked(path, "the folder"):
            pytest.fail("two hold it")
        named = f"the folder is in use by process {process.pid} on {socket.gethostname()} since "
        assert str(caught.value).startswith(named)
        process.kill()
        process.wait()
        assert path.exists()
        with locked(path, "the folder"):
            assert f'"process": {os.getpid()}' in path.read_text()
    assert names(tmp_path) == []


def test_a_lock_is_held_against_its_own_process_and_given_back(tmp_path):
    for _ in range(2):
        with locked(tmp_path / "lock", "it"):
            with pytest.raises(UserError, match=f"process {os.getpid()} "):
                locked(tmp_path / "lock", "it").__enter__()
            assert names(tmp_path) == ["lock"]
        assert names(tmp_path) == []


def test_a_lock_is_never_held_twice(tmp_path):
    inside, most, taken = set(), [], []

    def work(number):
        while len(taken) < 100:
            try:
                with locked(tmp_path / "lock", "it"):
                    inside.add(number)
                    most.append(len(inside))
                    taken.append(number)
                    inside.remove(number)
            except UserError:
                pass

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1


def test_a_lock_whose_folder_is_deleted_meanwhile(tmp_path):
    path = tmp_path / "run" / "lock"
    path.parent.mkdir()
    with locked(path, "it"):
        path.unlink()
        with locked(path, "a new one"):
            pass
        path.parent.rmdir()


HOLDER = '{{"host": "{host}", "process": {process}, "since": "2020-01-01 00:00:00"}}'


def test_where_there_are_no_locks_the_process_is_looked_for(tmp_path, monkeypatch):
    def unable(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl = pytest.importorskip("fcntl", reason="this system has no locks")
    monkeypatch.setattr(fcntl, "flock", unable)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    path, here = tmp_path / "lock", socket.gethostname()
    for host, process, is_free in [
        (here, ended.pid, True),
        (here, os.getppid(), False),
        (here, 1, False),
        ("elsewhere", ended.pid, False),
    ]:
        path.write_text(HOLDER.format(host=host, process=process))
        if is_free:
            with locked(path, "it"):
                assert f'"process": {os.getpid()}' in path.read_text()
            continue
        with pytest.raises(UserError, match=f"process {process} on {host} since 2020.*delete"):
            locked(path, "it").__enter__()
