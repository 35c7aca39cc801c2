import json
import os
import signal
import subprocess
import sys

import pytest

from ds2np.parallel import watcher
from ds2np.parallel.watcher import watch

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="only Linux can watch processes from outside"
)


@pytest.fixture
def sleepers():
    command = [sys.executable, "-S", "-c", "import time; time.sleep(30)"]
    processes = [subprocess.Popen(command) for _ in range(3)]
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def watching(sleepers):
    names = {p.pid: f"rank {rank} of 3" for rank, p in enumerate(sleepers)}
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", watcher.__file__, json.dumps(names)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    yield process
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


def test_the_first_to_end_is_named(sleepers, watching):
    watching.stdout.readline()
    sleepers[1].send_signal(signal.SIGKILL)
    told = watching.communicate(timeout=10)[1].decode()
    assert told.startswith(f"error: rank 1 of 3, process {sleepers[1].pid}, was the first")
    assert told.count("\n") == 1


def test_it_reports_even_if_its_parent_has_ended(sleepers, watching):
    watching.stdout.readline()
    watching.stdin.close()
    sleepers[0].send_signal(signal.SIGKILL)
    watching.wait(timeout=10)
    assert b"rank 0 of 3" in watching.stderr.read()


def test_a_process_that_ended_before_is_named(sleepers, watching):
    sleepers[2].kill()
    sleepers[2].wait()
    watching.wait(timeout=10)
    assert b"rank 2 of 3" in watching.stderr.read()


def test_a_regular_end_is_silent(sleepers, watching, capfd):
    assert watching.communicate(watcher.REGULAR_END, timeout=10)[1] == b""
    assert watching.returncode == 0
    stop = watch({p.pid: "rank" for p in sleepers})
    stop()
    stop()
    assert capfd.readouterr() == ("", "")


def test_other_systems_are_not_watched(monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")
    assert watch({1: "rank 0 of 1"}) is None
