import hashlib
import shutil
from collections import namedtuple

import corpus
import pytest

from ds2np.errors import UserError

Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def archive(server, tmp_path, pack):
    """Publish an archive; return its Archive."""
    folder = tmp_path / "source"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.txt").write_text("a" * 1000)
    server.files["/data.tgz"] = pack(folder)
    md5 = hashlib.md5(server.files["/data.tgz"]).hexdigest()
    return corpus.Archive(f"{server.url}/data.tgz", "data", md5)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_archive_is_deleted_unless_it_is_to_be_kept(archive, out):
    corpus.obtain(archive, out)
    assert names(out) == ["data", "mine.txt"]
    shutil.rmtree(out / "data")
    corpus.obtain(archive, out, keep=True)
    assert names(out) == ["data", "data.tgz", "mine.txt"]


def test_an_existing_archive_is_used_and_kept(archive, out, server):
    (out / "data.tgz").write_bytes(server.files["/data.tgz"])
    corpus.obtain(archive, out)
    assert server.requests == []
    assert names(out) == ["data", "data.tgz", "mine.txt"]


def test_an_existing_damaged_archive_is_refused_and_kept(archive, out, server):
    (out / "data.tgz").write_bytes(b"something else")
    with pytest.raises(UserError, match=r"data\.tgz has the MD5 checksum .* move it away"):
        corpus.obtain(archive, out)
    assert (out / "data.tgz").read_bytes() == b"something else"
    assert names(out) == ["data.tgz", "mine.txt"]


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_mirror(archive, out, server, slash):
    server.files["/far/away/data.tgz"] = server.files.pop("/data.tgz")
    corpus.obtain(archive, out, mirror=f"{server.url}/far/away{slash}")
    assert [path for path, _ in server.requests] == ["/far/away/data.tgz"]
    assert names(out) == ["data", "mine.txt"]


def test_a_part_of_another_file_is_deleted(archive, out, server):
    (out / "data.tgz.part").write_bytes(b"another")
    with pytest.raises(UserError, match="is deleted; run this again"):
        corpus.obtain(archive, out)
    assert names(out) == ["mine.txt"]
    corpus.obtain(archive, out)
    assert names(out) == ["data", "mine.txt"]


@pytest.mark.parametrize(("free", "requests"), [(0, 1), (2, 1)])
def test_a_full_disk(archive, out, server, monkeypatch, free, requests):
    size = len(server.files["/data.tgz"])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, free * size))
    with pytest.raises(UserError, match="free some space"):
        corpus.obtain(archive, out)
    assert len(server.requests) == requests
    assert names(out) == ["mine.txt"]


def test_a_disk_too_full_to_unpack_keeps_the_archive(archive, out, server, monkeypatch):
    (out / "data.tgz").write_bytes(server.files["/data.tgz"])
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**9, 0, 10))
    with pytest.raises(UserError, match="free some space"):
        corpus.obtain(archive, out)
    assert names(out) == ["data.tgz", "mine.txt"]


def parse(*arguments):
    return corpus.corpus_parser("do it", "a corpus").parse_args([str(a) for a in arguments])


def test_neither_root_nor_out(archive):
    with pytest.raises(UserError, match=r"give --out .* or --root"):
        corpus.corpus_folders(parse(), [archive], "data")


@pytest.mark.parametrize("option", [("--mirror", "http://a"), ("--keep-archive",)])
def test_root_downloads_nothing(archive, out, option):
    with pytest.raises(UserError, match="leave out --mirror"):
        corpus.corpus_folders(parse("--root", out, *option), [archive], "data")


def test_a_half_unpacked_root_is_refused(archive, out):
    (out / "data.tgz.unpacking").mkdir()
    with pytest.raises(UserError, match=r"data\.tgz\.unpacking is half unpacked"):
        corpus.corpus_folders(parse("--root", out), [archive], "data")


def test_out_is_made_and_root_is_below_it(archive, tmp_path):
    out = tmp_path / "new" / "place"
    assert corpus.corpus_folders(parse("--out", out), [archive], "data") == (out / "data", out)
    assert (out / "data" / "a.txt").is_file()


def test_out_that_is_a_file_is_refused(archive, out, server):
    with pytest.raises(UserError, match=r"mine\.txt cannot be created"):
        corpus.corpus_folders(parse("--out", out / "mine.txt"), [archive], "data")
    assert server.requests == []
