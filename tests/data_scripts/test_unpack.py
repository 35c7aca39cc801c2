import errno
import io
import tarfile

import pytest
from unpack import unpack

from ds2np.errors import UserError


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "Corpus" / "part").mkdir(parents=True)
    (folder / "Corpus" / "part" / "a.txt").write_text("a")
    (folder / "Corpus" / "LICENSE").write_text("free")
    return folder


@pytest.fixture
def archive(tmp_path, source, pack):
    path = tmp_path / "out" / "corpus.tar.gz"
    path.parent.mkdir()
    path.write_bytes(pack(source))
    return path


def member(name, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())


def test_folder_and_neighbours_arrive(archive):
    unpack(archive, "Corpus/part")
    assert files(archive.parent) == ["Corpus/LICENSE", "Corpus/part/a.txt", "corpus.tar.gz"]


def test_existing_neighbours_are_kept(archive):
    (archive.parent / "Corpus").mkdir()
    (archive.parent / "Corpus" / "LICENSE").write_text("mine")
    unpack(archive, "Corpus/part")
    assert (archive.parent / "Corpus" / "LICENSE").read_text() == "mine"


def test_archives_in_the_archive(source, archive, pack):
    inner = source / "Corpus" / "wav"
    inner.mkdir()
    for name in ("s1", "s2"):
        (source / name / "train" / name).mkdir(parents=True)
        (source / name / "train" / name / "x.wav").touch()
        (inner / f"{name}.tar.gz").write_bytes(pack(source / name))
    archive.write_bytes(pack(source))
    unpack(archive, "Corpus", inner="Corpus/wav/*.tar.gz")
    assert files(archive.parent / "Corpus") == [
        "LICENSE",
        "part/a.txt",
        "wav/train/s1/x.wav",
        "wav/train/s2/x.wav",
    ]


HOSTILE = [
    ("../evil", tarfile.REGTYPE, "", "leads out of the folder"),
    ("Corpus/../../evil", tarfile.REGTYPE, "", "leads out of the folder"),
    ("Corpus\\..\\..\\evil", tarfile.REGTYPE, "", "leads out of the folder"),
    ("/evil", tarfile.REGTYPE, "", "absolute name"),
    ("C:/evil", tarfile.REGTYPE, "", "absolute name"),
    ("Corpus/link", tarfile.SYMTYPE, "../../..", "neither a file nor a folder"),
    ("Corpus/link", tarfile.SYMTYPE, "/etc/passwd", "neither a file nor a folder"),
    ("Corpus/link", tarfile.LNKTYPE, "../../evil", "neither a file nor a folder"),
    ("Corpus/device", tarfile.CHRTYPE, "", "neither a file nor a folder"),
    ("Corpus/pipe", tarfile.FIFOTYPE, "", "neither a file nor a folder"),
]


@pytest.mark.parametrize(("name", "kind", "target", "fault"), HOSTILE)
def test_a_hostile_member_is_refused_and_nothing_is_left(
    archive, source, pack, tmp_path, name, kind, target, fault
):
    archive.write_bytes(pack(source, [member(name, kind, target)]))
    before = files(tmp_path)
    with pytest.raises(UserError) as caught:
        unpack(archive, "Corpus")
    assert fault in str(caught.value)
    assert name in str(caught.value)
    assert files(tmp_path) == before


def test_a_hostile_member_of_an_inner_archive_is_refused(archive, source, pack, tmp_path):
    (source / "Corpus" / "s.tar.gz").write_bytes(pack(source, [member("../../../evil")]))
    archive.write_bytes(pack(source))
    with pytest.raises(UserError, match=r"corpus\.tar\.gz: s\.tar\.gz: .*evil leads out"):
        unpack(archive, "Corpus", inner="Corpus/*.tar.gz")
    assert files(tmp_path / "out") == ["corpus.tar.gz"]


@pytest.mark.parametrize("keep", [0, 100, -40])
def test_a_damaged_archive_leaves_nothing(archive, keep):
    archive.write_bytes(archive.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"corpus\.tar\.gz cannot be unpacked"):
        unpack(archive, "Corpus")
    assert files(archive.parent) == ["corpus.tar.gz"]


def test_another_archive_is_refused(archive):
    with pytest.raises(UserError, match="holds no folder LibriSpeech"):
        unpack(archive, "LibriSpeech")
    assert files(archive.parent) == ["corpus.tar.gz"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left")])
def test_an_interruption_leaves_nothing(archive, monkeypatch, error):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(tarfile.TarFile, "makefile", fail)
    with pytest.raises((KeyboardInterrupt, UserError)) as caught:
        unpack(archive, "Corpus")
    assert isinstance(caught.value, KeyboardInterrupt) or "No space left" in str(caught.value)
    assert files(archive.parent) == ["corpus.tar.gz"]
    assert [path.name for path in archive.parent.iterdir()] == ["corpus.tar.gz"]


def test_leftovers_of_a_killed_run_are_removed(archive):
    leftover = archive.parent / "corpus.tar.gz.unpacking" / "Corpus" / "part" / "half.txt"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    unpack(archive, "Corpus")
    assert files(archive.parent) == ["Corpus/LICENSE", "Corpus/part/a.txt", "corpus.tar.gz"]


def test_a_python_that_cannot_filter_is_refused(archive, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter")
    with pytest.raises(UserError, match=r"3\.10\.12"):
        unpack(archive, "Corpus")


def test_tar_of_another_kind(archive):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:bz2"):
        pass
    archive.write_bytes(packed.getvalue())
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, "Corpus")
