import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np.data.check import (
    check_manifest,
    check_target,
    write_clean,
)
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError

SECONDS = 0.6  # of the second recording, "cab ab"


@pytest.fixture
def corpus(tmp_path):
    """Copy a good manifest and change lines by number: single keys, or all of it."""
    path = toys.make_corpus(tmp_path / "corpus")

    def change(changes=()):
        lines = path.read_text().splitlines()
        for number, new in dict(changes).items():
            if isinstance(new, dict):
                new = json.dumps({**json.loads(lines[number - 1]), **new})
            lines[number - 1] = new
        path.write_text("\n".join(lines))
        return path

    return change


def found(checked):
    return {line.number: [fault.kind for fault in line.faults] for line in checked.faulty}


def checked(path, **options):
    return check_manifest(path, toys.MODEL, **options)


@pytest.mark.parametrize("listening", [False, True])
def test_a_good_manifest_has_no_faults(corpus, listening):
    result = checked(corpus(), listening=listening)
    assert found(result) == {}
    assert [line.number for line in result.lines] == list(range(1, len(toys.TEXTS) + 1))
    assert [line.seconds for line in result.lines] == pytest.approx(
        [toys.SECONDS * len(text) for text in toys.TEXTS]
    )


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ("the cat", "unreadable line", "not valid JSON (Expecting value)"),
        ('{"text": "a"}', "unreadable line", '"audio_filepath" is missing'),
        ({"duration": -1}, "unreadable line", '"duration" is -1'),
        ({"audio_filepath": "no.wav"}, "missing audio", "no such audio file: "),
        ({"audio_filepath": "."}, "unusable audio", "is not a file"),
        ({"audio_filepath": "tones.jsonl"}, "unusable audio", "tones.jsonl is not readable audio"),
        ({"duration": 2}, "wrong duration", '"duration" is 2, but the recording lasts 0.6 s'),
        ({"text": "cad ex"}, "unknown characters", "'d' 'e' 'x' in 'cad ex'"),
        ({"text": " \t"}, "empty transcript", "is empty"),
        ({"text": "abc" * 50}, "long transcript", "needs 150 frames, 0.6 s of audio give"),
        ({"audio_filepath": "0.wav"}, "wrong duration", "the recording lasts 0.3 s"),
    ],
)
def test_each_fault_is_found_in_its_line(corpus, change, kind, message):
    result = checked(corpus({2: change}))
    assert found(result)[2][0] == kind
    assert found(result).keys() == {2}
    assert message in result.faulty[0].faults[0].message


def test_all_lines_and_all_their_faults_are_found(corpus):
    path = corpus(
        {
            1: "[]",
            3: {"audio_filepath": "no.wav", "text": "xyz"},
            4: {"duration": 9, "text": "d"},
            6: {"text": "aaab"},
        }
    )
    assert found(checked(path, longest=0.55)) == {
        1: ["unreadable line"],
        2: ["long recording"],
        3: ["missing audio", "unknown characters"],
        4: ["unknown characters", "wrong duration"],
        5: ["long recording"],
        6: ["long transcript"],
    }


def test_a_manifest_without_a_readable_line(corpus):
    path = corpus()
    path.write_text("[]\n{}\n")
    result = checked(path)
    assert found(result) == {1: ["unreadable line"], 2: ["unreadable line"]}


def test_the_recording_counts_where_the_stated_duration_differs(corpus):
    """A transcript that fits only the stated duration is too long."""
    path = corpus({6: {"text": "aaab", "duration": 5}})
    assert found(checked(path)) == {6: ["long transcript"]}


def test_a_duration_that_would_stop_the_training_is_a_fault_however_close(corpus):
    path = corpus({6: {"text": "abcab", "duration": 0.08}})  # recorded: 0.1 s
    assert found(checked(path)) == {6: ["wrong duration"]}
    path = corpus({6: {"text": "b", "duration": 0.08}})
    assert found(checked(path)) == {}


def test_transcripts_fit_where_the_dataset_accepts_them(corpus):
    config = dataclasses.replace(toys.MODEL, layers=2, dense=1, lookahead=3, bidirectional=False)
    fits = []
    for text in ("a", "abca", "abcab", "abcabc", "aab", "aaab", "aaaabb"):
        path = corpus({6: {"text": text}})
        result = check_manifest(path, config)
        try:
            Dataset(read_manifest(path), config)
        except UserError:
            assert found(result) == {6: ["long transcript"]}
            fits.append(False)
        else:
            assert found(result) == {}
            fits.append(True)
    assert set(fits) == {True, False}


def test_listening_finds_what_the_header_hides(corpus):
    path = corpus()
    soundfile.write(path.parent / "1.wav", np.zeros(round(SECONDS * toys.RATE)), toys.RATE)
    assert found(checked(path)) == {}
    result = checked(path, listening=True)
    assert found(result) == {2: ["silent audio"]}
    assert result.faulty[0].seconds == SECONDS  # the header is still good


def test_a_repeated_recording_is_a_fault(corpus):
    path = corpus({7: {"audio_filepath": "../corpus/0.wav"}})  # as long as line 7's
    shutil.copy(path.parent / "0.wav", path.parent / "7.wav")
    result = checked(path)
    assert found(result) == {7: ["repeated recording"]}
    assert result.faulty[0].faults[0].message == "the same recording as in line 1"
    result = checked(path, listening=True)
    assert found(result) == {7: ["repeated recording"], 8: ["repeated recording"]}
    assert result.faulty[1].faults[0].message == "the same sound as in line 1"


def test_a_line_is_no_repetition_of_an_unusable_one(corpus):
    path = corpus({1: {"text": "x"}, 7: {"audio_filepath": "0.wav"}})
    assert found(checked(path)) == {1: ["unknown characters"]}


def test_repeated_transcripts_are_no_fault(corpus):
    assert found(checked(corpus({7: {"text": "abc"}}))) == {}


# The clean copy


def test_a_clean_copy_has_no_faults(corpus, tmp_path):
    path = corpus(
        {
            1: "[]",
            2: {"duration": 5, "mood": "good"},
            3: {"audio_filepath": "no.wav", "text": "x", "duration": 9},
            4: {"text": "  BcB "},
            5: {"text": "x"},
        }
    )
    before = path.read_bytes()
    (tmp_path / "copies").mkdir()
    target = tmp_path / "copies" / "clean.jsonl"
    done = write_clean(checked(path), target)
    assert done == {
        "left_out": {
            "unreadable line": [1],
            "missing audio": [3],
            "unknown characters": [3, 5],
        },
        "durations_corrected": [2],
        "spaces_taken_out": [],
        "transcripts_rewritten": [4],
    }
    assert path.read_bytes() == before
    assert found(checked(target, listening=True)) == {}
    dataset = Dataset(read_manifest(target), toys.MODEL)
    assert dataset.texts == ["cab ab", "bcb", *toys.TEXTS[5:]]
    assert [len(dataset.features(i)) for i in range(len(dataset))] == dataset.frames.tolist()
    first, second = (json.loads(line) for line in target.read_text().splitlines()[:2])
    assert (first["duration"], first["mood"], second["text"]) == (SECONDS, "good", "bcb")


def test_other_faults_of_a_line_do_not_hide_why_it_is_left_out(corpus, tmp_path):
    path = corpus({4: {"duration": 9, "text": "d"}})
    done = write_clean(checked(path), tmp_path / "clean.jsonl")
    assert done["left_out"] == {"unknown characters": [4]}
    assert done["durations_corrected"] == []


def test_nothing_is_written_if_no_line_is_usable(corpus, tmp_path):
    path = corpus()
    path.write_text("[]\n")
    done = write_clean(checked(path), tmp_path / "clean.jsonl")
    assert done["left_out"] == {"unreadable line": [1]}
    assert os.listdir(tmp_path) == ["corpus"]


def test_a_clean_copy_overwrites_nothing(corpus, tmp_path):
    path = corpus()
    (tmp_path / "link.jsonl").symlink_to(path)
    for target in (path, path.parent / ".." / "corpus" / path.name, tmp_path / "link.jsonl"):
        with pytest.raises(UserError, match="is the manifest itself"):
            check_target(path, target)
    for target in (tmp_path, path.parent / "0.wav"):
        with pytest.raises(UserError, match="already exists"):
            check_target(path, target)
    with pytest.raises(UserError, match="no such folder"):
        check_target(path, tmp_path / "no" / "clean.jsonl")
    check_target(path, tmp_path / "clean.jsonl")
