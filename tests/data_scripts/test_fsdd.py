import os

import fsdd
import pytest

from ds2np.data.manifest import read_manifest


@pytest.fixture
def dataset(tmp_path, record):
    root = tmp_path / "fsdd"
    for name in ("3_ann_0", "3_ann_4", "9_bob_1", "0_ann_5", "7_bob_49", "7_ann_12"):
        record(root / "recordings" / f"{name}.wav")
    return root


def test_index_0_to_4_is_the_test_set(dataset, run_script):
    code, out, err = run_script(fsdd, "--root", dataset)
    assert code == 0, err
    train, test = (read_manifest(dataset / f"{part}.jsonl") for part in ("train", "test"))
    assert [(u.text, u.speaker, u.duration) for u in train] == [
        ("zero", "ann", 0.5),
        ("seven", "ann", 0.5),
        ("seven", "bob", 0.5),
    ]
    assert [u.text for u in test] == ["three", "three", "nine"]
    assert all(u.audio_filepath.is_file() for u in train + test)
    assert out.splitlines() == [
        f"{dataset}/train.jsonl: 0.0 minutes, 2 speakers, 3 utterances, "
        "14 characters (7 distinct), 2 distinct words",
        f"{dataset}/test.jsonl: 0.0 minutes, 2 speakers, 3 utterances, "
        "14 characters (6 distinct), 2 distinct words",
    ]


def test_manifests_go_to_out(dataset, run_script, tmp_path):
    out = tmp_path / "new" / "manifests"
    assert run_script(fsdd, "--root", dataset, "--out", out)[0] == 0
    assert sorted(path.name for path in out.iterdir()) == ["test.jsonl", "train.jsonl"]
    assert not list(dataset.glob("*.jsonl"))
    assert all(u.audio_filepath.is_file() for u in read_manifest(out / "test.jsonl"))


def test_numerals(dataset, run_script):
    assert run_script(fsdd, "--root", dataset, "--numerals")[0] == 0
    assert [u.text for u in read_manifest(dataset / "train.jsonl")] == ["0", "7", "7"]


def test_some_are_set_aside(dataset, run_script, record):
    for name in ("5_ann_5", "6_bob_25", "4_bob_15"):
        record(dataset / f"{name}.wav")
    assert run_script(fsdd, "--root", dataset, "--dev")[0] == 0
    texts = {
        part: {u.text for u in read_manifest(dataset / f"{part}.jsonl")}
        for part in ("train", "dev")
    }
    assert texts == {"train": {"four", "seven"}, "dev": {"zero", "five", "six"}}


def test_without_any_to_set_aside(dataset, run_script):
    (dataset / "recordings" / "0_ann_5.wav").unlink()
    code, _, err = run_script(fsdd, "--root", dataset, "--dev")
    assert code == 2
    assert "0 to set aside" in err


def test_files_with_other_names_are_listed(dataset, run_script, record):
    for number in range(7):
        record(dataset / f"noise-{number}.wav")
    code, _, err = run_script(fsdd, "--root", dataset)
    assert code == 0
    assert "left out 7 files not named DIGIT_SPEAKER_INDEX.wav" in err
    assert "noise-4.wav, ..." in err
    assert "noise-5.wav" not in err


@pytest.mark.parametrize("remove", ["*_[0-4].wav", "*.wav"])
def test_an_incomplete_dataset_is_refused(dataset, run_script, remove):
    for path in (dataset / "recordings").glob(remove):
        path.unlink()
    code, out, err = run_script(fsdd, "--root", dataset)
    assert (code, out) == (2, "")
    assert "for training and 0 for testing; give --root the whole dataset" in err
    assert not list(dataset.glob("*.jsonl"))


def test_a_missing_folder_is_refused(run_script, tmp_path):
    code, _, err = run_script(fsdd, "--root", tmp_path / "nowhere")
    assert code == 2
    assert err.count("\n") == 1
    assert "nowhere: no such folder" in err


def test_a_name_that_appears_twice_is_left_out_once(dataset, run_script, record):
    record(dataset / "recordings" / "7_bob_49.flac")  # of one folder, the .wav is preferred
    record(dataset / "second" / "7_bob_49.wav", seconds=0.25)
    code, _, err = run_script(fsdd, "--root", dataset)
    assert code == 0
    assert err == (
        f"warning: left out 1 files with the name of another one: {dataset}/second/7_bob_49.wav\n"
    )
    lengths = [u.duration for u in read_manifest(dataset / "train.jsonl")]
    assert lengths == [0.5, 0.5, 0.5]


def test_a_root_that_is_not_writable_asks_for_out(dataset, run_script, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    code, _, err = run_script(fsdd, "--root", dataset)
    assert code == 2
    assert "not writable" in err
    assert "--out" in err


def test_out_below_a_file_is_refused(dataset, run_script, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = run_script(fsdd, "--root", dataset, "--out", tmp_path / "file" / "out")
    assert code == 2
    assert "cannot be created" in err


def test_the_real_dataset(shared_data, run_script, tmp_path):
    code, out, err = run_script(fsdd, "--root", shared_data / "fsdd", "--out", tmp_path)
    assert code == 0, err
    assert "warning" not in err
    assert "6 speakers, 2700 utterances" in out
    assert "6 speakers, 300 utterances" in out
    assert len(read_manifest(tmp_path / "test.jsonl")) == 300


@pytest.fixture
def published(tmp_path, dataset, pack, server):
    """Publish the dataset in the layout of its archive, on a server of this machine."""
    folder = tmp_path / "published"
    folder.mkdir()
    dataset.rename(folder / fsdd.ARCHIVE.folder)
    server.files["/v1.0.10.tar.gz"] = pack(folder)
    server.lengths = server.ranges = False  # like the archives that are made on demand
    return server


def test_it_can_be_downloaded(published, run_script, tmp_path):
    out = tmp_path / "out"
    code, text, err = run_script(fsdd, "--out", out, "--mirror", published.url)
    assert code == 0, err
    assert "v1.0.10.tar.gz: no checksum is published" in text
    assert "train.jsonl: 0.0 minutes, 2 speakers, 3 utterances" in text
    names = {"train.jsonl", "test.jsonl", "free-spoken-digit-dataset-1.0.10"}
    assert {path.name for path in out.iterdir()} == names


def test_a_download_that_ends_early_is_noticed_by_the_archive(published, run_script, tmp_path):
    published.cuts = [1000]
    out = tmp_path / "out"
    code, _, err = run_script(fsdd, "--out", out, "--mirror", published.url)
    assert code == 2
    assert "the download is not an intact archive" in err
    assert list(out.iterdir()) == []
    assert run_script(fsdd, "--out", out, "--mirror", published.url)[0] == 0
