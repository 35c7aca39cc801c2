"""Real processes that connect over sockets."""

import os
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
from helpers.launcher import ROOT

from ds2np.errors import UserError
from ds2np.parallel.rendezvous import Rendezvous

PROGRAM = """
import os, signal, sys, time
import numpy as np
from ds2np.errors import UserError
from ds2np.parallel.rendezvous import Rendezvous

try:
    meeting = Rendezvous.from_environment(timeout=float(os.environ["TIMEOUT"]))
    number = np.arange(-64, 64, dtype=np.int8) * (meeting.rank == 0)
    meeting.broadcast(number)
    assert number.tolist() == list(range(-64, 64))
    print("met", len(meeting.roll.hosts), flush=True)
    if os.environ.get("END") == str(meeting.rank):
        os.kill(os.getpid(), signal.SIGKILL)
    if "END" in os.environ:
        meeting.roll.place = "step 3"
        meeting.roll.wait_until(lambda: False, meeting.roll.begin())
    meeting.close()
except UserError as error:
    print("error:", error, file=sys.stderr)
    sys.exit(2)
"""


@pytest.fixture
def meet(port, tmp_path):
    """Return a function that starts ranks and returns (exit code, stdout, stderr) of each."""
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)

    def run(ranks, size, timeout=10, **variables):
        processes = []
        for rank in ranks:
            own = {"RANK": rank, "WORLD_SIZE": size, "MASTER_PORT": port, "TIMEOUT": timeout}
            own |= {"MASTER_ADDR": "127.0.0.1", "PYTHONPATH": ROOT, **variables}
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-W", "error", script],
                    env={**os.environ, **{name: str(value) for name, value in own.items()}},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        try:
            outputs = [process.communicate(timeout=20) for process in processes]
        finally:
            for process in processes:
                process.kill()
        return [(p.returncode, *o) for p, o in zip(processes, outputs, strict=True)]

    return run


@pytest.mark.parametrize("ranks", [[0], [0, 1], [2, 1, 0]])
def test_all_connect(meet, ranks):
    size = len(ranks)
    assert meet(ranks, size) == [(0, f"met {size}\n", "")] * size


def test_a_missing_rank_is_named_by_all(meet):
    for code, _, told in meet([0, 2], 4, timeout=1):
        assert code == 2
        assert told.startswith("error: ranks 1 and 3 of 4 have not reached the rendezvous at 127.")
        assert "within 1 s" in told


def test_without_rank_0_no_rank_connects(meet):
    ((code, _, told),) = meet([1], 2, timeout=0.5)
    assert code == 2
    assert told.startswith("error: rank 0 of 2 has not reached the rendezvous at 127.0.0.1:")


def test_two_of_the_same_rank_are_named(meet):
    results = meet([0, 1, 1], 3)
    assert [code for code, *_ in results] == [2, 2, 2]
    assert "two processes have RANK 1" in results[0][2]


@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_killed_later_is_named(meet, victim):
    results = meet([0, 1, 2], 3, END=victim)
    assert results[victim][0] == -9
    for rank in {0, 1, 2} - {victim}:
        code, _, told = results[rank]
        assert code == 2
        assert told.startswith(f"error: rank {victim} of 3 (host {socket.gethostname()}) ended")
        assert "before step 3" in told


def test_foreign_clients_are_ignored(port):
    met = []
    ranks = [
        threading.Thread(target=lambda r=r: met.append(Rendezvous(r, 2, "127.0.0.1", port)))
        for r in (0, 1)
    ]
    ranks[0].start()
    for words in (b"GET / HTTP/1.0\r\n", b'{"rank": "x"}\n', b'{"rank": 9, "size": 2}\n', b"[]\n"):
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(words)
                break
            except ConnectionRefusedError:
                continue
    ranks[1].start()
    for rank in ranks:
        rank.join(timeout=10)
    assert sorted(meeting.rank for meeting in met) == [0, 1]
    for meeting in met:
        meeting.close()


def test_an_unequal_world_is_named(port):
    told = []

    def call():
        try:
            Rendezvous(1, 5, "127.0.0.1", port, timeout=5)
        except UserError as error:
            told.append(str(error))

    caller = threading.Thread(target=call)
    caller.start()
    with pytest.raises(UserError, match="WORLD_SIZE of 5, rank 0 one of 4") as caught:
        Rendezvous(0, 4, "127.0.0.1", port, timeout=5)
    caller.join(timeout=10)
    assert told == [str(caught.value)]


def test_a_port_in_use_is_named(port):
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(UserError, match=f"cannot listen at 127.0.0.1:{port}"),
    ):
        Rendezvous(0, 1, "127.0.0.1", port)


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"RANK": "one"}, "RANK is 'one'; expected a whole number"),
        ({"RANK": "4"}, "RANK is 4; with a WORLD_SIZE of 4, ranks end at 3"),
        ({"MASTER_PORT": None}, "MASTER_PORT is not set"),
        ({"MASTER_ADDR": None}, "MASTER_ADDR is not set"),
    ],
)
def test_bad_variables_are_named(monkeypatch, variables, told):
    good = {"RANK": "0", "WORLD_SIZE": "4", "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}
    for name, value in {**good, **variables}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=told):
        Rendezvous.from_environment()


def test_a_single_process_broadcasts_to_no_rank(port):
    meeting = Rendezvous(0, 1, "127.0.0.1", port)
    number = np.arange(3)
    meeting.broadcast(number)
    assert number.tolist() == [0, 1, 2]
    meeting.close()
