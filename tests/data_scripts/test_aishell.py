import hashlib
import shutil

import aishell
import pytest

from ds2np.data.manifest import read_manifest

TRANSCRIPT = """\
BAC009S0002W0122 而 对 楼市 成交
BAC009S0002W0123 也 成为
BAC009S0724W0121 广州市 房地产
BAC009S0764W0121 甚至 出现
"""
RECORDINGS = (
    "train/S0002/BAC009S0002W0122.wav",
    "train/S0002/BAC009S0002W0123.wav",
    "dev/S0724/BAC009S0724W0121.wav",
    "test/S0764/BAC009S0764W0121.wav",
)


@pytest.fixture
def root(tmp_path, record):
    root = tmp_path / "unpacked" / "data_aishell"
    (root / "transcript").mkdir(parents=True)
    (root / aishell.TRANSCRIPT).write_text(TRANSCRIPT, encoding="utf-8")
    for path in RECORDINGS:
        record(root / "wav" / path, rate=16_000)
    return root


@pytest.fixture
def packed(root, tmp_path, pack):
    """Pack the corpus as published: one archive per speaker, inside one archive."""
    published = tmp_path / "published" / "data_aishell"
    shutil.copytree(root / "transcript", published / "transcript")
    (published / "wav").mkdir()
    for path in (root / "wav").glob("*/*"):
        speaker = tmp_path / path.name
        shutil.copytree(path, speaker / path.parent.name / path.name)
        (published / "wav" / f"{path.name}.tar.gz").write_bytes(pack(speaker))
    return pack(published.parent)


def contents(path):
    return [(u.text, u.speaker, u.duration) for u in read_manifest(path)]


def test_each_part_has_its_manifest_and_words_are_joined(root, run_script):
    code, out, err = run_script(aishell, "--root", root)
    assert code == 0, err
    assert "warning" not in err
    assert contents(root / "train.jsonl") == [
        ("而对楼市成交", "S0002", 0.5),
        ("也成为", "S0002", 0.5),
    ]
    assert contents(root / "dev.jsonl") == [("广州市房地产", "S0724", 0.5)]
    assert contents(root / "test.jsonl") == [("甚至出现", "S0764", 0.5)]
    expected = "0.0 minutes, 1 speakers, 2 utterances, 9 characters (8 distinct)"
    assert f"{root}/train.jsonl: {expected}\n" in out
    manifests = " ".join(f"{root}/{part}.jsonl" for part in ("train", "dev", "test"))
    assert out.endswith(
        f"\ntheir alphabet: python -m ds2np data {manifests} --alphabet --out FILE\n"
    )


def test_unmatched_files_are_left_out_with_a_warning(root, run_script, record):
    (root / "wav" / RECORDINGS[1]).unlink()
    record(root / "wav" / "train" / "S0002" / "BAC009S0002W0999.wav")
    code, _, err = run_script(aishell, "--root", root)
    assert code == 0
    assert "warning: left out 1 transcripts without a recording: BAC009S0002W0123\n" in err
    assert "warning: left out 1 recordings without a transcript: " in err
    assert "BAC009S0002W0999.wav\n" in err


def test_a_root_that_is_half_unpacked_is_refused(root, run_script):
    shutil.rmtree(root / "wav" / "dev")
    code, out, err = run_script(aishell, "--root", root)
    assert (code, out) == (2, "")
    assert "have to be unpacked as well" in err
    assert not list(root.glob("*.jsonl"))


def test_another_folder_is_refused(run_script, tmp_path):
    code, _, err = run_script(aishell, "--root", tmp_path)
    assert code == 2
    assert "aishell_transcript_v0.8.txt is missing; give --root" in err


def test_it_can_be_downloaded(packed, run_script, tmp_path, server, monkeypatch):
    monkeypatch.setattr(
        aishell, "ARCHIVE", aishell.ARCHIVE._replace(md5=hashlib.md5(packed).hexdigest())
    )
    server.files["/data_aishell.tgz"] = packed
    out = tmp_path / "out"
    code, text, err = run_script(aishell, "--out", out, "--mirror", server.url)
    assert code == 0, err
    assert "no checksum" not in text
    parts = ["data_aishell", "dev.jsonl", "test.jsonl", "train.jsonl"]
    assert sorted(path.name for path in out.iterdir()) == parts
    assert contents(out / "test.jsonl") == [("甚至出现", "S0764", 0.5)]
    assert sorted(p.name for p in (out / "data_aishell" / "wav").iterdir()) == [
        "dev",
        "test",
        "train",
    ]


def test_the_published_checksum_is_checked(packed, run_script, tmp_path, server):
    server.files["/data_aishell.tgz"] = packed
    code, _, err = run_script(aishell, "--out", tmp_path / "out", "--mirror", server.url)
    assert code == 2
    assert "instead of 2f494334227864a8a8fec932999db9d8 and is deleted" in err
    assert list((tmp_path / "out").iterdir()) == []
