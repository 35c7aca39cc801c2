"""The command, in a process of its own: signals, kills and restarts."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import openai
import pytest
from helpers.streams import recogniser_of
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ds2np.model.checkpoint import save_checkpoint

from .test_socket import RATE, make_sound
from .test_transcriptions import ask, make_wav

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("run") / "best.npz"
    save_checkpoint(path, recogniser_of().model, {})
    return path.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serving(run, port, *options):
    """Run the command while a block is executed."""
    words = [sys.executable, "-m", "ds2np", "serve", run, "--port", str(port), *options]
    with (
        tempfile.TemporaryFile("w+") as process_log,  # a pipe that nobody reads would fill
        subprocess.Popen(
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=process_log, text=True
        ) as process,
    ):
        process.log = process_log
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and process.poll() is None:
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health").close()
                    break
                time.sleep(0.05)
            yield process
        finally:
            process.kill()


def client_of(port):
    return openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)


def test_sigterm_under_load(run):
    """All that was asked is answered, streams get their last result, and the process ends."""
    port = free_port()
    with serving(run, port) as process, ThreadPoolExecutor(8) as pool:
        client = client_of(port)
        data = make_wav(30000)
        expected = ask(client, data).text
        with connect(f"ws://127.0.0.1:{port}") as stream:
            stream.send(json.dumps({"config": {"sample_rate": RATE}}))
            stream.send(make_sound(3000).tobytes())
            stream.recv(20)
            asked = [pool.submit(ask, client, data) for _ in range(8)]
            time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert "text" in json.loads(stream.recv(20))
            with pytest.raises(ConnectionClosed):
                stream.recv(20)
        for answer in asked:
            with contextlib.suppress(openai.APIError):  # refused: never a part of an answer
                assert answer.result().text == expected
        out, _ = process.communicate(timeout=30)
        process.log.seek(0)
        lines = [json.loads(line) for line in process.log]
        assert process.returncode == -signal.SIGTERM
    assert out == f"http://127.0.0.1:{port}  (Ctrl-C ends)\n"
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    assert {line.get("status") for line in lines} >= {200}
    assert not [line for line in lines if line["level"] == "error"]


def test_it_can_be_killed_and_started_again(run):
    port, data, texts = free_port(), make_wav(4000), []
    for _ in range(2):
        with serving(run, port) as process:
            texts.append(ask(client_of(port), data).text)
            process.send_signal(signal.SIGKILL)
            process.wait(20)
    assert texts[0] == texts[1] != ""


def test_a_port_that_is_taken(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        words = [sys.executable, "-m", "ds2np", "serve", run, "--port", port]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def children_of(process):
    """Return the numbers of the processes that a process has started."""
    text = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
    return [int(number) for number in text.split()]


def memory_of(process):
    """Return the resident memory of a process and its children in kilobytes."""
    statuses = [
        Path(f"/proc/{pid}/status").read_text() for pid in (process.pid, *children_of(process))
    ]
    return sum(int(re.search(r"VmRSS:\s+(\d+)", status)[1]) for status in statuses)


linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")


def network_of(process):
    """Return the number of the process that runs the network."""
    (number,) = [
        pid
        for pid in children_of(process)
        if b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return number


@linux
def test_the_process_of_the_network_is_killed(run):
    """The server says so, and ends, too."""
    port = free_port()
    with serving(run, port) as process:
        with connect(f"ws://127.0.0.1:{port}") as stream:
            stream.send(make_sound(480).tobytes())
            stream.recv(20)
            os.kill(network_of(process), signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                stream.recv(20)
        assert process.wait(30) == 1
        process.log.seek(0)
        messages = [json.loads(line)["message"] for line in process.log]
    assert "the process of the network has ended" in messages


@linux
def test_the_process_of_the_network_ends_with_the_server(run):
    port = free_port()
    with serving(run, port) as process:
        ask(client_of(port), make_wav(4000))
        number = network_of(process)
        process.kill()
        process.wait(20)
        deadline = time.monotonic() + 20
        while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
    assert not Path(f"/proc/{number}").exists()


@linux
def test_many_short_streams_leave_nothing(run):
    """Some end as they should, some are cut; memory stays flat."""
    port, sound = free_port(), make_sound(480).tobytes()
    config = json.dumps({"config": {"sample_rate": RATE}})

    def session(number):
        with connect(f"ws://127.0.0.1:{port}", compression=None) as stream:
            stream.send(config)
            stream.send(sound)
            if number % 3:
                stream.recv(30)
            if number % 3 == 2:
                stream.send('{"eof" : 1}')
                stream.recv(30)

    with serving(run, port) as process, ThreadPoolExecutor(8) as pool:
        memory = []
        for _ in range(3):
            list(pool.map(session, range(150)))
            memory.append(memory_of(process))
        assert process.poll() is None
    assert memory[2] < 1.05 * memory[0]
