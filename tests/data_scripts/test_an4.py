import an4
import numpy as np
import pytest
import soundfile

from ds2np.audio import load_audio
from ds2np.data.manifest import read_manifest

TRAIN = """\
<s> RUBOUT G M </s> (an251-fash-b)
 <s> YES </s> (an89-fash-b)
"""
TEST = """\
ENTER  ONE TWO (an406-fcaw-b)
"""


@pytest.fixture
def root(tmp_path, record):
    root = tmp_path / "source" / "an4"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "an4_train.transcription").write_text(TRAIN)
    (root / "etc" / "an4_test.transcription").write_text(TEST)
    for path in (
        "an4_clstk/fash/an251-fash-b.sph",
        "an4_clstk/fash/an89-fash-b.sph",
        "an4test_clstk/fcaw/an406-fcaw-b.sph",
    ):
        record(root / "wav" / path, rate=16_000, format="NIST", subtype="PCM_16")
    return root


def contents(path):
    return [(u.text, u.speaker, u.duration) for u in read_manifest(path)]


def test_both_parts_have_their_manifest(root, run_script):
    code, out, err = run_script(an4, "--root", root)
    assert code == 0, err
    assert "warning" not in err
    assert contents(root / "train.jsonl") == [("rubout g m", "fash", 0.5), ("yes", "fash", 0.5)]
    assert contents(root / "test.jsonl") == [("enter one two", "fcaw", 0.5)]
    assert out.splitlines()[0] == (
        f"{root}/train.jsonl: 0.0 minutes, 1 speakers, 2 utterances, "
        "13 characters (11 distinct), 4 distinct words"
    )
    samples, rate = load_audio(read_manifest(root / "train.jsonl")[0].audio_filepath)
    assert (len(samples), rate) == (8000, 16_000)


def test_recordings_without_a_header_are_converted(root, run_script, tmp_path):
    wanted = {}
    for path in sorted((root / "wav").rglob("*.sph")):
        wanted[path.stem], _ = soundfile.read(path, dtype="int16")
        path.with_suffix(".raw").write_bytes(wanted[path.stem].astype(">i2").tobytes())
        path.unlink()
    out = tmp_path / "manifests"
    code, _, err = run_script(an4, "--root", root, "--out", out)
    assert code == 0, err
    utterances = read_manifest(out / "train.jsonl") + read_manifest(out / "test.jsonl")
    assert [u.duration for u in utterances] == [0.5] * 3
    for utterance in utterances:
        samples, rate = soundfile.read(utterance.audio_filepath, dtype="int16")
        assert rate == 16_000
        np.testing.assert_array_equal(samples, wanted[utterance.audio_filepath.stem])
    assert not list(root.rglob("*.wav"))


def test_a_wav_is_preferred_to_its_source(root, run_script, record):
    record(root / "wav" / "an4_clstk" / "fash" / "an89-fash-b.wav", rate=16_000)
    assert run_script(an4, "--root", root)[0] == 0
    suffixes = [u.audio_filepath.suffix for u in read_manifest(root / "train.jsonl")]
    assert suffixes == [".sph", ".wav"]


def test_unmatched_files_are_left_out_with_a_warning(root, run_script, record):
    (root / "wav" / "an4_clstk" / "fash" / "an89-fash-b.sph").unlink()
    record(root / "wav" / "an4_clstk" / "fash" / "an9-fash-b.wav")
    code, _, err = run_script(an4, "--root", root)
    assert code == 0
    assert "warning: left out 1 transcripts without a recording: an89-fash-b\n" in err
    assert "warning: left out 1 recordings without a transcript: " in err
    assert "an9-fash-b.wav\n" in err


@pytest.mark.parametrize(
    "line", ["YES", "<s> </s> (an1-fash-b)", "YES (an1)", "YES (an89-fash-b)", "(an1-fash-b)"]
)
def test_a_malformed_line_is_named(root, run_script, line):
    path = root / "etc" / "an4_train.transcription"
    path.write_text(TRAIN + line + "\n")
    code, out, err = run_script(an4, "--root", root)
    assert (code, out) == (2, "")
    assert f"{path}:3: " in err
    assert not list(root.glob("*.jsonl"))


def test_a_part_without_recordings_is_refused(root, run_script):
    for path in (root / "wav" / "an4test_clstk").rglob("*.sph"):
        path.unlink()
    code, _, err = run_script(an4, "--root", root)
    assert code == 2
    assert "holds no recording that the test transcripts name" in err
    assert not list(root.glob("*.jsonl"))


def test_another_folder_is_refused(run_script, tmp_path):
    code, _, err = run_script(an4, "--root", tmp_path)
    assert code == 2
    assert "an4_train.transcription is missing" in err


def test_it_can_be_downloaded(root, run_script, tmp_path, pack, server):
    server.files["/an4_sphere.tar.gz"] = pack(root.parent)
    server.cuts = [500]
    out = tmp_path / "out"
    arguments = ("--out", out, "--mirror", server.url, "--keep-archive")
    code, text, err = run_script(an4, *arguments)
    assert code == 0, err
    assert "an4_sphere.tar.gz: no checksum is published" in text
    assert sorted(path.name for path in out.iterdir()) == [
        "an4",
        "an4_sphere.tar.gz",
        "test.jsonl",
        "train.jsonl",
    ]
    assert contents(out / "test.jsonl") == [("enter one two", "fcaw", 0.5)]
    assert [span for _, span in server.requests] == [None, "bytes=500-"]


def test_an_archive_that_does_not_exist(run_script, tmp_path, server):
    out = tmp_path / "out"
    code, _, err = run_script(an4, "--out", out, "--mirror", server.url)
    assert code == 2
    assert err == (
        f"error: {server.url}/an4_sphere.tar.gz: the server answers 404 (Not Found); "
        "give another --mirror\n"
    )
    assert list(out.iterdir()) == []
