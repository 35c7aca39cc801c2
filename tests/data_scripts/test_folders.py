"""Folders as people have them: what every script accepts, leaves out by name, or refuses."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import fsdd
import pytest
from helpers import corpora
from helpers.corpora import MAKERS

from ds2np.data.manifest import read_manifest

SCRIPTS = Path(__file__).parents[2] / "data_scripts"


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.__name__)
def corpus(request, tmp_path, record):
    return request.param(tmp_path / "corpus", record)


@pytest.fixture
def index(corpus, run_script):
    """Run the script of the corpus; return exit code, stdout and stderr."""
    module = importlib.import_module(corpus.script)
    return lambda *options: run_script(module, "--root", corpus.root, *options)


def lines(corpus):
    return [(u.text, u.speaker) for u in read_manifest(corpus.root / corpus.manifest)]


def test_every_script_is_tested_here():
    scripts = {p.stem for p in SCRIPTS.glob("*.py") if "__main__" in p.read_text("utf-8")}
    # They have tests of their own: one speaks, one makes text, one aligns.
    others = {"synthetic", "lm_text", "librivox"}
    assert {maker.__name__ for maker in MAKERS} == scripts - others


def test_an_intact_corpus(corpus, index):
    for _ in range(2):  # the second time, the manifest is there
        code, out, err = index()
        assert (code, err) == (0, "")
        assert f"{corpus.root / corpus.manifest}: 0.0 minutes, " in out
        assert lines(corpus) == corpus.lines


def test_help_without_docstrings(corpus, run_script, monkeypatch):
    """As under ``python -OO``."""
    module = importlib.import_module(corpus.script)
    monkeypatch.setattr(module, "__doc__", None)
    code, out, err = run_script(module, "--help")
    assert (code, err) == (0, "")
    assert "--root FOLDER" in out


def test_linked_speakers_are_followed(corpus, index, tmp_path):
    for i, speaker in enumerate(corpus.speakers):
        speaker.rename(tmp_path / f"elsewhere-{i}")
        speaker.symlink_to(tmp_path / f"elsewhere-{i}")
    (corpus.speakers[0] / "back").symlink_to(corpus.root)
    code, _, err = index()
    assert (code, err) == (0, "")
    assert lines(corpus) == corpus.lines


def test_hidden_files_are_passed_over(corpus, index):
    for path in (*corpus.recordings, *corpus.texts):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7 resource fork \xff")
    code, _, err = index()
    assert (code, err) == (0, "")
    assert lines(corpus) == corpus.lines


def test_suffixes_count_in_any_case(corpus, index):
    for path in corpus.recordings:
        path.rename(path.with_suffix(path.suffix.upper()))
    for path in corpus.texts:
        path.write_text(path.read_text().replace(".wav", ".WAV"))
    code, _, err = index()
    assert (code, err) == (0, "")
    assert lines(corpus) == corpus.lines


def test_marks_and_line_ends_of_other_systems(corpus, index):
    for path in corpus.texts:
        text = path.read_text(encoding="utf-8").replace("\n", "\r\n") + "\r\n"
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    code, _, err = index()
    assert (code, err) == (0, "")
    assert lines(corpus) == corpus.lines


@pytest.mark.parametrize("damage", ["garbage", "empty", "cut", "link"])
def test_a_damaged_recording_is_named_and_left_out(corpus, index, damage):
    path = corpus.recordings[1]
    content = path.read_bytes()
    path.unlink()
    if damage == "garbage":
        path.write_bytes(b"no sound")
    elif damage == "empty":
        path.touch()
    elif damage == "cut":
        path.write_bytes(content[:20])
    else:
        path.symlink_to(path.with_name("gone.wav"))
    code, out, err = index()
    assert code == 0
    assert "left out 1 " in err
    assert path.stem in err
    assert f"{corpus.root / corpus.manifest}: " in out
    assert lines(corpus) == [corpus.lines[0], *corpus.lines[2:]]


def test_the_first_damaged_recordings_are_named(corpus, index, monkeypatch):
    monkeypatch.setattr("common.MAX_NAMED", 1)
    for path in corpus.recordings[1:3]:
        path.write_bytes(b"no sound")
    code, _, err = index()
    assert code == 0
    assert "left out 2 unusable recordings:\n" in err
    path = corpus.recordings[1]
    assert f"\n  {path} is not readable audio (" in err
    assert err.endswith("\n  ...\n")


def test_a_corpus_of_damaged_recordings_is_refused(corpus, index):
    for path in corpus.recordings:
        path.write_bytes(b"no sound")
    code, out, err = index()
    assert (code, out) == (2, "")
    assert " of 4 recordings are unusable: " in err
    assert f"{corpus.recordings[0]} is not readable audio (" in err
    assert err.count("\n") == 1
    assert not list(corpus.root.glob("*.jsonl"))


def test_a_name_that_no_manifest_can_hold(tmp_path, record, run_script):
    corpus = corpora.fsdd(tmp_path, record)
    os.rename(tmp_path / "ann", os.fsencode(tmp_path / "ann") + b"\xff")
    code, _, err = run_script(fsdd, "--root", tmp_path)
    assert code == 0
    assert "left out 2 unusable recordings:\n" in err
    assert "ann\\xff/1_ann_5.wav has a name that is not UTF-8, as manifests are; rename" in err
    assert lines(corpus) == corpus.lines[2:]


@pytest.mark.parametrize(
    "functions", [("os.scandir", "pathlib.Path.iterdir"), ("pathlib.Path.read_text",)]
)
def test_what_must_not_be_read_is_one_sentence(corpus, index, functions, monkeypatch):
    def refuse(path, *rest, **options):
        raise PermissionError(13, "Permission denied", str(path))

    if not corpus.texts and functions[0] == "pathlib.Path.read_text":
        functions = ["os.stat"]
    for function in functions:
        monkeypatch.setattr(function, refuse)
    code, out, err = index()
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert str(corpus.root) in err
    assert "Permission denied" in err


def test_a_manifest_that_cannot_be_written_is_one_sentence(corpus, index, monkeypatch):
    def refuse(*paths):
        raise OSError(30, "Read-only file system", str(paths[-1]))

    monkeypatch.setattr("os.replace", refuse)
    code, _, err = index()
    assert code == 2
    assert err.count("\n") == 1
    assert err == f"error: {corpus.root / corpus.manifest}: Read-only file system\n"
    assert not list(corpus.root.glob("*.jsonl*"))


def test_careless_folders(corpus, index, run_script, tmp_path):
    module = importlib.import_module(corpus.script)
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for root, message in (
        ("file", "is a file; give --root the folder of the corpus"),
        ("nowhere", "no such folder; give --root the folder of the corpus"),
        ("empty", "give --root"),
    ):
        code, out, err = run_script(module, "--root", tmp_path / root)
        assert (code, out) == (2, "")
        assert message in err
        assert err.startswith(f"error: {tmp_path / root}")
        assert err.count("\n") == 1
    code, out, err = index("--out", tmp_path / "file")
    assert (code, out) == (2, "")
    assert err == f"error: {tmp_path}/file cannot be created (File exists); choose another --out\n"


def test_the_manifest_of_another_corpus_is_not_replaced(corpus, index):
    theirs = '{"audio_filepath": "z.wav", "duration": 1, "text": "theirs"}\n'
    for content in (theirs, "notes\n"):
        (corpus.root / corpus.manifest).write_text(content)
        code, _, err = index()
        assert code == 2
        assert f"{corpus.root / corpus.manifest} lists other recordings; give --out another" in err
        assert (corpus.root / corpus.manifest).read_text() == content


def test_other_corpora_are_refused(corpus, index, run_script):
    """None of the other scripts takes this one for its own."""
    for maker in MAKERS:
        if maker.__name__ != corpus.script:
            module = importlib.import_module(maker.__name__)
            code, out, err = run_script(module, "--root", corpus.root)
            assert (code, out) == (2, "")
            assert "--root" in err
            assert err.count("\n") == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_do_not_matter(tmp_path, record, closed):
    corpus = corpora.fsdd(tmp_path, record)
    corpus.recordings[0].write_bytes(b"no sound")  # so that there is a warning
    command = f'"{sys.executable}" -W error "$0" --root "$1" {closed}'
    arguments = ["sh", "-c", command, SCRIPTS / "fsdd.py", tmp_path]
    done = subprocess.run(arguments, capture_output=True, text=True)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert lines(corpus) == corpus.lines[1:]


@pytest.mark.parametrize(("unbuffered", "code"), [("", 0), ("1", 2)])
def test_a_reader_that_closes_the_output_ends_the_script(tmp_path, record, unbuffered, code):
    """At the first line it cannot print: that is after the end unless lines are unbuffered."""
    corpora.fsdd(tmp_path, record)
    command = f'"{sys.executable}" -W error "$0" --root "$1" | true; exit $PIPESTATUS'
    done = subprocess.run(
        ["bash", "-c", command, SCRIPTS / "fsdd.py", tmp_path],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
    )
    said = "error: the output was closed before all manifests were written\n" if code else ""
    assert (done.returncode, done.stderr) == (code, said)
    assert (tmp_path / "train.jsonl").exists()
    assert (tmp_path / "test.jsonl").exists() == (code == 0)
