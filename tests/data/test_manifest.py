import gzip
import json
import os
from pathlib import Path

import pytest

from ds2np.data.manifest import (
    Utterance,
    read_manifest,
    read_manifests,
    scan_manifest,
    write_manifest,
)
from ds2np.errors import UserError

LINE = '{"audio_filepath": "a.wav", "duration": 1.5, "text": "hello"}'


@pytest.fixture
def manifest(tmp_path):
    """Write a manifest of the bytes or the text given."""

    def write(content):
        path = tmp_path / "m.jsonl"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_round_trip(tmp_path):
    texts = ("the cat", "weiß, 你好", 'a "quote" \\ slash', "", "one\N{LINE SEPARATOR}two")
    utterances = [
        Utterance(tmp_path / f"ü {i}.wav", 1.25 + i, text, "Zoë", f"{tmp_path / 'm.jsonl'}:{i + 1}")
        for i, text in enumerate(texts)
    ]
    write_manifest(tmp_path / "m.jsonl", utterances)
    assert read_manifest(tmp_path / "m.jsonl") == utterances


def test_audio_below_the_manifest_is_named_relative_to_it(tmp_path, monkeypatch):
    (tmp_path / "corpus").mkdir()
    monkeypatch.chdir(tmp_path)
    inside, outside = Path("corpus/wav/a.wav"), Path("elsewhere/b.wav")
    path = Path("corpus/m.jsonl")
    write_manifest(path, [Utterance(p, 1, "hello") for p in (inside, outside)])
    named = [json.loads(line)["audio_filepath"] for line in path.read_text().splitlines()]
    assert named == ["wav/a.wav", (tmp_path / outside).as_posix()]
    assert [u.audio_filepath for u in read_manifest(path)] == [inside, tmp_path / outside]


def test_a_moved_folder_is_still_read(tmp_path):
    (tmp_path / "old").mkdir()
    write_manifest(tmp_path / "old" / "m.jsonl", [Utterance(tmp_path / "old" / "a.wav", 1, "hi")])
    os.rename(tmp_path / "old", tmp_path / "new")
    utterance = read_manifest(tmp_path / "new" / "m.jsonl")[0]
    assert utterance.audio_filepath == tmp_path / "new" / "a.wav"


@pytest.mark.parametrize(
    "content",
    [
        f"{LINE}\n\n  \n{LINE}",
        f"{LINE}\r\n\r\n\r\n{LINE}\r\n",
        b"\xef\xbb\xbf" + f"{LINE}\n\n\n{LINE}\n".encode(),
    ],
    ids=["blank lines", "CRLF", "byte order mark"],
)
def test_blank_lines_and_byte_order_marks_are_allowed(manifest, content):
    utterances = read_manifest(manifest(content))
    assert [u.text for u in utterances] == ["hello", "hello"]
    assert [u.where.rpartition(":")[2] for u in utterances] == ["1", "4"]


def test_other_keys_are_ignored_and_the_speaker_may_be_missing(manifest):
    (utterance,) = read_manifest(manifest(LINE[:-1] + ', "mood": "good"}'))
    assert (utterance.text, utterance.speaker) == ("hello", "")


def line(**changes):
    entry = {**json.loads(LINE), **changes}
    return json.dumps({key: value for key, value in entry.items() if value is not ...})


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (LINE[:-9], "not valid JSON"),
        ("the cat is happy", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ('["a.wav", 1.5, "hello"]', "found list"),
        ("3", "found int"),
        (line(audio_filepath=...), '"audio_filepath" is missing'),
        (line(duration=...), '"duration" is missing'),
        (line(text=...), '"text" is missing'),
        (line(audio_filepath=None), '"audio_filepath" is null'),
        (line(text=17), '"text" is 17'),
        (line(duration="1.5"), '"duration" is "1.5"'),
        (line(duration=True), '"duration" is true'),
        (line(duration=-1.5), '"duration" is -1.5'),
        (line(duration=0), '"duration" is 0'),
        (line(duration=float("nan")), '"duration" is NaN'),
        (line(duration=float("inf")), '"duration" is Infinity'),
        (line(duration=10**400), "at most 86400 seconds"),
        (line(duration=10**400), '"duration" is 1' + 76 * "0" + "...; "),
        (line(audio_filepath="a\0.wav"), "holds a NUL"),
        (line(audio_filepath="a/" * 3000), "is too long"),
        (line(offset=-1), '"offset" is -1; expected a number from 0'),
        (line(offset="3"), '"offset" is "3"'),
        (line(offset=float("nan")), '"offset" is NaN'),
        (line(channel=1.0), '"channel" is 1.0; expected a whole number from 0'),
        (line(channel=True), '"channel" is true'),
        (line(channel=-1), '"channel" is -1'),
        (line(start=3.5), 'the key "start" would be ignored; a segment is given by "offset"'),
        (line(end=7), 'the key "end" would be ignored'),
        (line(start_time=0), 'the key "start_time" would be ignored'),
        (line(Offset=2), 'the key "Offset" would be ignored; write "offset"'),
        (line(channel_selector=1), 'a channel is chosen by "channel"'),
        ('{"text": "a", "text": "b"}', 'the key "text" occurs twice'),
    ],
)
def test_a_broken_line_is_named(manifest, broken, reason):
    path = manifest(f"{LINE}\n{broken}\n{LINE}\n")
    with pytest.raises(UserError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path}:2: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "holds no utterance"),
        (" \n\n", "holds no utterance"),
        (b'{"text": "caf\xe9"}', "is not UTF-8 text"),
        (b"RIFF\x00\xff\xfe\x00", "is not UTF-8 text"),
    ],
)
def test_a_file_that_is_not_a_manifest_is_named(manifest, content, reason):
    path = manifest(content)
    with pytest.raises(UserError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(f"{path} {reason}")


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UserError, match=r"m\.jsonl: no such manifest"):
        read_manifest(tmp_path / "m.jsonl")
    with pytest.raises(UserError, match="is a folder"):
        read_manifest(tmp_path)


def test_a_failure_while_writing_leaves_the_old_manifest(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text("the old one")

    def utterances():
        yield Utterance(tmp_path / "a.wav", 1, "hello")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_manifest(path, utterances())
    assert path.read_text() == "the old one"
    assert os.listdir(tmp_path) == ["m.jsonl"]


def test_a_copy_keeps_the_other_keys_of_a_line(manifest, tmp_path):
    path = manifest(LINE[:-1] + ', "mood": "good", "takes": [1, 2]}')
    write_manifest(tmp_path / "copy.jsonl", read_manifest(path))
    copied = json.loads((tmp_path / "copy.jsonl").read_text())
    assert (copied["mood"], copied["takes"]) == ("good", [1, 2])


def test_segments_and_channels_are_read_and_written(manifest, tmp_path):
    (utterance,) = read_manifest(manifest(line(offset=12.25, channel=1)))
    assert utterance.part == {"start": 12.25, "duration": 1.5, "channel": 1}
    write_manifest(tmp_path / "copy.jsonl", [utterance])
    assert read_manifest(tmp_path / "copy.jsonl")[0].part == utterance.part
    first = read_manifest(manifest(line(offset=0)))[0]
    assert first.part == {"start": 0, "duration": 1.5}  # not the whole recording
    for none in (line(), line(offset=None, channel=None, start=None)):
        assert read_manifest(manifest(none))[0].part == {}


@pytest.mark.parametrize("name", ["m.jsonl.gz", "m.jsonl"])
def test_a_compressed_manifest_is_read_whatever_its_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(gzip.compress(f"\ufeff{LINE}\r\n{LINE}".encode()))
    utterances = read_manifest(path)
    assert [u.where for u in utterances] == [f"{path}:1", f"{path}:2"]
    write_manifest(tmp_path / "copy.jsonl.gz", utterances)
    copied = (tmp_path / "copy.jsonl.gz").read_bytes()
    assert len(gzip.decompress(copied).splitlines()) == 2
    path.write_bytes(copied[:-9])
    with pytest.raises(UserError, match=rf"{name} is damaged"):
        read_manifest(path)


def test_several_manifests_are_read_in_their_order(manifest, tmp_path):
    first = manifest(line(text="one"))
    second = tmp_path / "other.jsonl"
    second.write_text(line(text="two"))
    assert [u.text for u in read_manifests([second, first])] == ["two", "one"]
    with pytest.raises(UserError, match=r"m\.jsonl is given twice"):
        read_manifests([first, second, tmp_path / "." / first.name])


def test_a_speaker_of_null_is_no_speaker(manifest):
    assert read_manifest(manifest(line(speaker=None)))[0].speaker == ""


@pytest.mark.parametrize("key", ["text", "audio_filepath", "speaker", "mood"])
def test_an_unpaired_surrogate_is_refused(manifest, key):
    path = manifest(LINE + "\n" + line(**{key: "\ud83d"}))
    with pytest.raises(UserError, match=r"m\.jsonl:2: holds an unpaired surrogate"):
        read_manifest(path)
    assert read_manifest(manifest(line(**{key: "\N{GRINNING FACE}"})))


def test_a_scan_continues_after_a_bad_line(manifest):
    path = manifest(f"{LINE}\n[]\n\n{LINE}\n")
    (a, first), (b, error), (c, last) = scan_manifest(path)
    assert (a, b, c) == (1, 2, 4)
    assert (first.text, last.text) == ("hello", "hello")
    assert isinstance(error, UserError)
    assert str(error).startswith(f"{path}:2: found list")
