import librispeech
import pytest

from ds2np.data.manifest import read_manifest


def add_chapter(subset, record, speaker, chapter, lines, suffix=".flac"):
    folder = subset / speaker / chapter
    folder.mkdir(parents=True)
    transcript = folder / f"{speaker}-{chapter}.trans.txt"
    transcript.write_text("".join(f"{speaker}-{chapter}-{line}\n" for line in lines))
    for line in lines:
        record(folder / f"{speaker}-{chapter}-{line.split()[0]}{suffix}", rate=16_000)
    return transcript


@pytest.fixture
def corpus(tmp_path, record):
    root = tmp_path / "LibriSpeech"
    train, dev = root / "train-clean-100", root / "dev-clean"
    add_chapter(train, record, "19", "198", ["0000 HE SAID  SO", "0001 IT'S I"])
    add_chapter(train, record, "26", "495", ["0000 NO"], suffix=".wav")
    add_chapter(dev, record, "84", "121", ["0000 YES"])
    (root / "README.TXT").write_text("LibriSpeech")
    return root


def test_each_subset_has_its_manifest(corpus, run_script):
    code, out, err = run_script(librispeech, "--root", corpus)
    assert code == 0, err
    train = read_manifest(corpus / "train-clean-100.jsonl")
    assert [(u.text, u.speaker, u.duration) for u in train] == [
        ("he said so", "19", 0.5),
        ("it's i", "19", 0.5),
        ("no", "26", 0.5),
    ]
    assert [u.audio_filepath.suffix for u in train] == [".flac", ".flac", ".wav"]
    assert all(u.audio_filepath.is_file() for u in train)
    assert [u.text for u in read_manifest(corpus / "dev-clean.jsonl")] == ["yes"]
    assert "dev-clean.jsonl: 0.0 minutes, 1 speakers, 1 utterances" in out
    assert "2 speakers, 3 utterances, 18 characters" in out
    assert "warning" not in err


def test_the_root_can_be_a_subset(corpus, run_script, tmp_path):
    out = tmp_path / "manifests"
    assert run_script(librispeech, "--root", corpus / "dev-clean", "--out", out)[0] == 0
    assert [path.name for path in out.iterdir()] == ["dev-clean.jsonl"]


def test_a_transcript_without_audio_is_left_out_loudly(corpus, run_script):
    for path in corpus.rglob("19-198-0001.flac"):
        path.unlink()
    code, out, err = run_script(librispeech, "--root", corpus)
    assert code == 0
    assert "warning: left out 1 transcripts without a recording: " in err
    assert "19-198-0001" in err
    assert "2 utterances" in out


def test_audio_without_a_transcript_is_left_out_loudly(corpus, run_script, record):
    chapter = corpus / "dev-clean" / "84" / "121"
    for number in range(1, 8):
        record(chapter / f"84-121-000{number}.flac")
    record(corpus / "dev-clean" / "84" / "999" / "84-999-0000.wav")
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 0
    assert "warning: left out 8 recordings without a transcript: " in err
    assert "84-121-0005.flac, ..." in err
    assert [u.text for u in read_manifest(corpus / "dev-clean.jsonl")] == ["yes"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"84-121-0001\n", "84-121-0001 has no text"),
        (b"84-121-0000 AGAIN\n", "84-121-0000 comes a second time"),
    ],
)
def test_a_malformed_line_is_named(corpus, run_script, line, complaint):
    transcript = corpus / "dev-clean" / "84" / "121" / "84-121.trans.txt"
    transcript.write_bytes(transcript.read_bytes() + b"\n" + line)
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert f"{transcript}:3: {complaint}" in err


def test_a_transcript_in_another_encoding_is_named(corpus, run_script):
    transcript = corpus / "dev-clean" / "84" / "121" / "84-121.trans.txt"
    transcript.write_bytes("84-121-0000 CAFÉ\n".encode("latin-1"))
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert f"{transcript} is not UTF-8 text" in err


def test_a_broken_recording_is_named(corpus, run_script):
    (corpus / "dev-clean" / "84" / "121" / "84-121-0000.flac").write_bytes(b"fLaC but cut off")
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert "84-121-0000.flac is not readable as audio" in err


def test_a_subset_without_any_audio_is_refused(corpus, run_script):
    (corpus / "dev-clean" / "84" / "121" / "84-121-0000.flac").unlink()
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert "84-121-0000.flac or .wav" in err


def test_subsets_of_the_same_name_are_refused(corpus, run_script, record):
    add_chapter(corpus / "copy" / "dev-clean", record, "84", "121", ["0000 YES"])
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert "share a name" in err


@pytest.mark.parametrize("root", ["nowhere", ".", "LibriSpeech/dev-clean/84"])
def test_a_root_without_subsets_is_refused(tmp_path, run_script, record, root):
    if "84" in root:
        add_chapter(tmp_path / "LibriSpeech" / "dev-clean", record, "84", "121", ["0000 YES"])
    code, out, err = run_script(librispeech, "--root", tmp_path / root)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "--root" in err


@pytest.mark.parametrize(
    ("corpus_name", "counts"),
    [
        ("LibriSpeech", {"dev-clean": 1, "test-clean": 9}),
        ("speechocean762", {"dev": 749, "train": 1446}),
    ],
)
def test_real_corpora(shared_data, run_script, tmp_path, corpus_name, counts):
    root = shared_data / corpus_name
    code, _, err = run_script(librispeech, "--root", root, "--out", tmp_path)
    assert code == 0, err
    assert "warning" not in err
    found = {path.stem: len(read_manifest(path)) for path in tmp_path.iterdir()}
    assert found == counts
