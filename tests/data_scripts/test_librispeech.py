import hashlib

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


def test_subsets_of_a_root_can_be_chosen(corpus, run_script, tmp_path):
    out = tmp_path / "manifests"
    arguments = ("--root", corpus, "--out", out, "--subsets")
    assert run_script(librispeech, *arguments, "dev-clean", "dev-clean")[0] == 0
    assert [path.name for path in out.iterdir()] == ["dev-clean.jsonl"]
    code, _, err = run_script(librispeech, *arguments, "test-other")
    assert code == 2
    assert err == (
        "error: --subsets: test-other is not in the corpus, "
        "which holds dev-clean, train-clean-100\n"
    )


def test_a_transcript_without_audio_is_left_out_with_a_warning(corpus, run_script):
    for path in corpus.rglob("19-198-0001.flac"):
        path.unlink()
    code, out, err = run_script(librispeech, "--root", corpus)
    assert code == 0
    assert "warning: left out 1 transcripts without a recording: " in err
    assert "19-198-0001" in err
    assert "2 utterances" in out


def test_audio_without_a_transcript_is_left_out_with_a_warning(corpus, run_script, record):
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
        (b"84-121-0000 AGAIN\n", "84-121-0000 appears twice"),
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
    assert "84-121-0000.flac is not readable audio" in err


def test_a_subset_without_any_audio_is_refused(corpus, run_script):
    (corpus / "dev-clean" / "84" / "121" / "84-121-0000.flac").unlink()
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert "84-121-0000.flac or .wav" in err


def test_subsets_of_the_same_name_are_refused(corpus, run_script, record):
    add_chapter(corpus / "copy" / "dev-clean", record, "84", "121", ["0000 YES"])
    code, _, err = run_script(librispeech, "--root", corpus)
    assert code == 2
    assert "have the same name" in err


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


@pytest.fixture
def published(tmp_path, record, pack, server, monkeypatch):
    """Publish mini-LibriSpeech and one subset of LibriSpeech on a server of this machine."""
    for number, name, speaker in (
        (31, "train-clean-5", "19"),
        (31, "dev-clean-2", "84"),
        (12, "test-other", "61"),
    ):
        folder = tmp_path / "published" / name
        subset = folder / "LibriSpeech" / name
        add_chapter(subset, record, speaker, "7", ["0000 YES", "0001 OH NO"])
        (folder / "LibriSpeech" / "LICENSE.TXT").write_text("CC BY 4.0")
        packed = pack(folder)
        server.files[f"/{number}/{name}.tar.gz"] = packed
        md5 = hashlib.md5(packed).hexdigest()
        monkeypatch.setitem(librispeech.SUBSETS, name, (number, md5))
    monkeypatch.setattr(librispeech, "RESOURCES", server.url)
    return server


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_small_corpus_is_downloaded_by_default(published, run_script, tmp_path):
    out = tmp_path / "libri"
    code, text, err = run_script(librispeech, "--out", out)
    assert code == 0, err
    assert [path for path, _ in published.requests] == [
        "/31/train-clean-5.tar.gz",
        "/31/dev-clean-2.tar.gz",
    ]
    assert [u.text for u in read_manifest(out / "dev-clean-2.jsonl")] == ["yes", "oh no"]
    assert all(u.audio_filepath.is_file() for u in read_manifest(out / "train-clean-5.jsonl"))
    assert f"{out}/train-clean-5.jsonl: 0.0 minutes, 1 speakers, 2 utterances, 8 char" in text
    assert len(tree(out)) == 2 * (3 + 1) + 1
    assert (out / "LibriSpeech" / "LICENSE.TXT").is_file()
    # The manifests can be moved together with the corpus.
    out.rename(tmp_path / "moved")
    moved = read_manifest(tmp_path / "moved" / "dev-clean-2.jsonl")
    assert all(u.audio_filepath.is_file() for u in moved)


def test_a_second_run_downloads_nothing(published, run_script, tmp_path):
    arguments = ("--out", tmp_path / "libri", "--subsets")
    assert run_script(librispeech, *arguments, "dev-clean-2")[0] == 0
    before = tree(tmp_path / "libri")
    published.requests.clear()
    code, out, _ = run_script(librispeech, *arguments, "dev-clean-2")
    assert code == 0
    assert published.requests == []
    assert "LibriSpeech/dev-clean-2 already exists, nothing is downloaded" in out
    assert tree(tmp_path / "libri") == before
    code, out, _ = run_script(librispeech, *arguments, "test-other", "dev-clean-2")
    assert code == 0
    assert [path for path, _ in published.requests] == ["/12/test-other.tar.gz"]
    assert out.index("test-other.jsonl") < out.index("dev-clean-2.jsonl")


def test_a_cut_connection_is_resumed(published, run_script, tmp_path):
    published.cuts = [1000, 2000]
    code, _, err = run_script(librispeech, "--out", tmp_path / "l", "--subsets", "test-other")
    assert code == 0, err
    assert [span for _, span in published.requests] == [None, "bytes=1000-", "bytes=3000-"]
    assert [u.text for u in read_manifest(tmp_path / "l" / "test-other.jsonl")] == ["yes", "oh no"]


def test_a_wrong_checksum_leaves_nothing(published, run_script, tmp_path):
    published.files["/12/test-other.tar.gz"] = published.files["/31/dev-clean-2.tar.gz"]
    out = tmp_path / "libri"
    code, text, err = run_script(librispeech, "--out", out, "--subsets", "test-other")
    assert (code, text) == (2, "")
    found = hashlib.md5(published.files["/12/test-other.tar.gz"]).hexdigest()
    expected = librispeech.SUBSETS["test-other"][1]
    assert f"MD5 checksum {found} instead of {expected} and is deleted" in err
    assert list(out.iterdir()) == []


def test_a_subset_that_does_not_exist_is_refused(server, run_script, tmp_path):
    code, _, err = run_script(librispeech, "--out", tmp_path / "l", "--subsets", "train-clean-99")
    assert code == 2
    assert err.startswith("error: --subsets: there is no train-clean-99; choose from train-clean-5")
    assert not (tmp_path / "l").exists()


def test_every_official_subset_has_its_place_and_checksum():
    numbers = {name: number for name, (number, _) in librispeech.SUBSETS.items()}
    assert numbers == {
        **dict.fromkeys(["train-clean-5", "dev-clean-2"], 31),
        **dict.fromkeys(["train-clean-100", "train-clean-360", "train-other-500"], 12),
        **dict.fromkeys(["dev-clean", "dev-other", "test-clean", "test-other"], 12),
    }
    sums = [md5 for _, md5 in librispeech.SUBSETS.values()]
    assert len(set(sums)) == len(sums)
    assert all(len(bytes.fromhex(md5)) == 16 for md5 in sums)
    url = "https://www.openslr.org/resources/12/dev-other.tar.gz"
    assert librispeech.subset_archive("dev-other").url == url
