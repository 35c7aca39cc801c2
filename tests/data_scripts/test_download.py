import gzip
import hashlib
import shutil
import socket
from collections import namedtuple

import download
import numpy as np
import pytest

from ds2np.errors import UserError

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def body():
    return np.random.default_rng(0).bytes(300_000)


@pytest.fixture
def fetch(server, body, tmp_path):
    """Download the body; return the bytes received."""
    server.files["/file.bin"] = body

    def run():
        part = tmp_path / "file.bin.part"
        download.download(f"{server.url}/file.bin", part)
        return part.read_bytes()

    run.part = tmp_path / "file.bin.part"
    return run


def test_a_file_arrives_whole_in_one_request(fetch, server, body):
    assert fetch() == body
    assert server.requests == [("/file.bin", None)]


def test_a_cut_connection_is_continued(fetch, server, body, capsys):
    server.cuts = [100_000, 50_000]
    assert fetch() == body
    ranges = [span for _, span in server.requests]
    assert ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert "cut after 0.1 MB of 0.3 MB); trying again" in capsys.readouterr().err


def test_an_earlier_part_is_continued(fetch, server, body):
    fetch.part.write_bytes(body[:1234])
    assert fetch() == body
    assert server.requests == [("/file.bin", "bytes=1234-")]


def test_a_complete_part_is_not_fetched_again(fetch, server, body):
    fetch.part.write_bytes(body)
    server.cuts = [0]
    assert fetch() == body
    assert len(server.requests) == 1


def test_a_part_longer_than_the_file_is_replaced(fetch, server, body):
    fetch.part.write_bytes(body + b"and more")
    assert fetch() == body
    assert [span for _, span in server.requests] == ["bytes=300008-", None]


def test_a_server_without_ranges_starts_over(fetch, server, body):
    server.ranges = False
    server.cuts = [100_000]
    assert fetch() == body
    assert [span for _, span in server.requests] == [None, "bytes=100000-"]


def test_a_server_that_does_not_state_the_length(fetch, server, body):
    server.lengths = False
    assert fetch() == body


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_gets_another_request(fetch, server, body, status):
    server.failures = [status, status]
    assert fetch() == body
    assert len(server.requests) == 3


def test_progress_gives_new_attempts(fetch, server, body):
    server.cuts = [1000] * (3 * download.ATTEMPTS)
    assert fetch() == body


@pytest.mark.parametrize("ranges", [True, False])
def test_without_progress_it_gives_up_and_keeps_the_part(fetch, server, body, ranges):
    server.ranges = ranges
    server.cuts = [1000] + [0 if ranges else 1000] * 50
    with pytest.raises(UserError, match=r"5 times in a row; 0.0 MB have arrived and are kept"):
        fetch()
    assert len(server.requests) == 1 + download.ATTEMPTS
    assert fetch.part.read_bytes() == body[:1000]


def test_starting_over_is_no_progress(fetch, server):
    server.ranges = False
    server.cuts = [2000, 1000] * 20
    with pytest.raises(UserError, match="times in a row"):
        fetch()
    assert len(server.requests) == 1 + download.ATTEMPTS


def test_a_server_that_stops_sending_gets_another_request(fetch, server, body, monkeypatch, capsys):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    server.cuts, server.silence = [1000], 0.3
    assert fetch() == body
    assert [span for _, span in server.requests] == [None, "bytes=1000-"]
    assert "(timed out)" in capsys.readouterr().err


def test_pauses_grow(fetch, server, monkeypatch):
    pauses = []
    monkeypatch.setattr(download, "PAUSE", 1.0)
    monkeypatch.setattr(download.time, "sleep", pauses.append)
    server.failures = [500] * download.ATTEMPTS
    with pytest.raises(UserError, match="answers 500"):
        fetch()
    assert pauses == [1, 2, 4, 8]


@pytest.mark.parametrize("status", [403, 404])
def test_a_missing_file_is_not_requested_again(fetch, server, status):
    server.failures = [status]
    with pytest.raises(UserError, match=rf"file\.bin: the server answers {status} .*--mirror"):
        fetch()
    assert len(server.requests) == 1
    assert not fetch.part.exists()


def test_no_server(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setenv("no_proxy", "*")
    with socket.socket() as closed:  # bound and never listening: it refuses
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/a"
        with pytest.raises(UserError, match=r"connection failed .*refused"):
            download.download(url, tmp_path / "a.part")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "a.tar.gz", "http://a b/", "http://[/"])
def test_an_invalid_address_is_refused(url, tmp_path):
    with pytest.raises(UserError, match=r"cannot be downloaded|is not a valid address"):
        download.download(url, tmp_path / "a.part")


def test_a_full_disk_is_noticed_before_anything_arrives(fetch, body, monkeypatch):
    fetch.part.write_bytes(body[:100_000])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, 649_999))
    with pytest.raises(UserError, match=r"has 0.6 MB free.* need 0.7 MB; free some space .*--out"):
        fetch()
    assert fetch.part.read_bytes() == body[:100_000]
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, 650_000))
    assert fetch() == body


def test_a_disk_that_fills_up_meanwhile(fetch, server, body, monkeypatch):
    def fail(path, mode):
        raise OSError(download.errno.ENOSPC, "No space left on device")

    fetch.part.write_bytes(body[:100_000])
    monkeypatch.setattr(download, "open", fail, raising=False)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\)"):
        fetch()
    assert len(server.requests) == 1
    assert fetch.part.read_bytes() == body[:100_000]


def test_damage_is_found_with_and_without_a_checksum(tmp_path, body):
    path = tmp_path / "a.gz"
    whole = gzip.compress(body)
    md5 = hashlib.md5(whole).hexdigest()
    altered = bytearray(whole)
    altered[len(whole) // 2] ^= 1
    for content, fault in [
        (whole, None),
        (whole[:-100], "is not an intact archive"),
        (altered, "is not an intact archive"),
        (b"<html>log in first</html>", "is not an intact archive"),
        (b"", "is empty"),
    ]:
        path.write_bytes(content)
        if fault is None:
            assert download.damage(path) is None
            assert download.damage(path, md5) is None
        else:
            assert download.damage(path).startswith(fault)
            assert download.damage(path, md5)
    path.write_bytes(gzip.compress(b"another"))
    assert download.damage(path) is None
    assert download.damage(path, md5).endswith(f"instead of {md5}")
