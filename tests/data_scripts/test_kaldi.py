import json

import kaldi
import pytest

from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError


@pytest.fixture
def recipe(tmp_path, record):
    """A recipe with data/train, of whole recordings, and data/dev, of segments."""
    recipe = tmp_path / "s5"
    record(recipe / "sound" / "a.wav")
    record(recipe / "sound" / "b.flac")
    talk = record(tmp_path / "talk.wav", seconds=10)
    write(
        recipe / "data" / "train",
        **{
            "wav.scp": "ann-1 sound/a.wav\nbob-1 flac -c -d -s sound/b.flac |\n",
            "text": "ann-1 YES  OH YES\nbob-1 No\n",
            "utt2spk": "ann-1 ann\nbob-1 bob\n",
        },
    )
    write(
        recipe / "data" / "dev",
        **{
            "wav.scp": f"talk {talk}\n",
            "text": "talk-1 one\ntalk-2 two\ntalk-3 three\n",
            "segments": "talk-1 talk 0.25 1.5\ntalk-2 talk 2 4.125\ntalk-3 talk 9.5 -1\n",
        },
    )
    return recipe


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)


def contents(path):
    return [(u.audio_filepath.name, u.text, u.speaker, u.duration) for u in read_manifest(path)]


def test_each_data_folder_has_its_manifest(recipe, run_script):
    data = recipe / "data"
    code, out, err = run_script(kaldi, "--root", data)
    assert (code, err) == (0, "")
    assert contents(data / "train.jsonl") == [
        ("a.wav", "YES OH YES", "ann", 0.5),
        ("b.flac", "No", "bob", 0.5),
    ]
    assert f"{data}/dev.jsonl: 0.1 minutes, 1 speakers, 3 utterances" in out


def test_segments_have_an_offset(recipe, run_script, tmp_path):
    assert run_script(kaldi, "--root", recipe / "data" / "dev", "--out", tmp_path)[0] == 0
    lines = [json.loads(line) for line in (tmp_path / "dev.jsonl").read_text().splitlines()]
    places = [(line["text"], line["offset"], line["duration"]) for line in lines]
    assert places == [("one", 0.25, 1.25), ("two", 2, 2.125), ("three", 9.5, 0.5)]
    assert {line["audio_filepath"] for line in lines} == {"talk.wav"}
    code = run_script(kaldi, "--root", recipe / "data" / "train", "--out", tmp_path)[0]
    assert code == 0
    assert "offset" not in (tmp_path / "train.jsonl").read_text()


@pytest.mark.parametrize(
    ("segment", "place"),
    [("9 10.4", (9, 1)), ("0 10", (0, 10)), ("9 10.6", None), ("3 3", None), ("-1 2", None)],
)
def test_segments_lie_within_their_recording(recipe, run_script, segment, place):
    dev = recipe / "data" / "dev"
    (dev / "segments").write_text(f"talk-1 talk {segment}\ntalk-2 talk 1 2\n")
    (dev / "text").write_text("talk-1 one\ntalk-2 two\n")
    code, _, err = run_script(kaldi, "--root", dev)
    assert code == 0
    lines = [json.loads(line) for line in (dev / "dev.jsonl").read_text().splitlines()]
    if place:
        assert (lines[0]["offset"], lines[0]["duration"]) == place
        assert err == ""
    else:
        assert [line["text"] for line in lines] == ["two"]
        assert err == "warning: left out 1 segments outside their recording: talk-1\n"


def test_segments_of_a_damaged_recording_are_left_out(recipe, run_script, record):
    dev = recipe / "data" / "dev"
    record(recipe / "other.wav", seconds=2)
    (recipe.parent / "talk.wav").write_bytes(b"no sound")
    with open(dev / "wav.scp", "a") as file:
        file.write(f"other {recipe}/other.wav\n")
    with open(dev / "segments", "a") as file:
        file.write("other-1 other 0 1\n")
    with open(dev / "text", "a") as file:
        file.write("other-1 four\n")
    code, _, err = run_script(kaldi, "--root", dev)
    assert code == 0
    assert "left out 1 unusable recordings:\n  " in err
    assert "left out 3 segments of unusable recordings: talk-1, talk-2, talk-3\n" in err
    assert [text for _, text, _, _ in contents(dev / "dev.jsonl")] == ["four"]


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        ("a b.wav", "a b.wav"),
        ("flac -c -d -s a.flac |", "a.flac"),
        ("/opt/bin/flac --stdout --decode --silent '/my sound/a.flac'|", "/my sound/a.flac"),
        ("/opt/kaldi/tools/sph2pipe_v2.5/sph2pipe -f wav -p a.sph |", "a.sph"),
        ("sox a.mp3 -t wav - |", "a.mp3"),
        ("cat a.wav |", "a.wav"),
    ],
)
def test_files_and_plain_decoders(entry, file):
    assert kaldi.decoded_file(entry, "wav.scp:1") == file


@pytest.mark.parametrize(
    "entry",
    [
        "sph2pipe -f wav -c 2 a.sph |",
        "sox a.wav -r 8000 -t wav - |",
        "sox -m a.wav b.wav -t wav - |",
        "flac -c -d -s --skip=1:00 a.flac |",
        "flac -c -d a.flac | sox - -t wav - |",
        "flac -c -d |",
        "rm -rf / |",
        "rm a.wav |",
        "ffmpeg -i a.mp3 -f wav - |",
        "cat 'a.wav |",
        "|",
    ],
)
def test_other_commands_are_refused(entry):
    with pytest.raises(UserError) as caught:
        kaldi.decoded_file(entry, "wav.scp:7")
    assert str(caught.value) == (
        "wav.scp:7: commands are not run; expected a file, or the command by which cat, flac, "
        f"sox, sph2pipe decodes one as a whole, found {entry}"
    )


def test_files_are_relative_to_the_recipe(recipe, run_script, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert run_script(kaldi, "--root", "s5/data/train")[0] == 0
    monkeypatch.chdir(recipe)
    assert run_script(kaldi, "--root", "data/train")[0] == 0
    assert all(u.audio_filepath.is_file() for u in read_manifest("data/train/train.jsonl"))


def test_what_does_not_match_is_named_and_left_out(recipe, run_script):
    train = recipe / "data" / "train"
    (train / "text").write_text("ann-1 yes\nbob-1\ncat-1 no\n")
    with open(train / "wav.scp", "a") as file:
        file.write("dan-1 sound/a.wav\neve-1 sound/gone.wav\n")
    (train / "utt2spk").unlink()
    code, _, err = run_script(kaldi, "--root", train)
    assert code == 0
    assert err.splitlines() == [
        "warning: left out 1 utterances without a text: bob-1",
        "warning: left out 1 transcripts without a recording: cat-1",
        "warning: left out 2 recordings without a transcript: dan-1, eve-1",
    ]
    assert contents(train / "train.jsonl") == [("a.wav", "yes", "", 0.5)]


def test_a_file_that_is_not_there_is_named(recipe, run_script):
    train = recipe / "data" / "train"
    (recipe / "sound" / "a.wav").unlink()
    code, _, err = run_script(kaldi, "--root", train)
    assert code == 0
    assert f"\n  no such audio file: {train}/sound/a.wav\n" in err


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("segments", "talk-1 talk 0\n", ":1: found talk-1 talk 0; expected UTTERANCE RECORDING"),
        ("segments", "talk-1 talk 0 2 A\n", ":1: found talk-1 talk 0 2 A; expected UTT"),
        ("segments", "\ntalk-1 talk a b\n", ":2: found talk-1 talk a b; expected UTTERANCE"),
        ("text", "talk-1 a\ntalk-1 b\n", ":2: talk-1 appears twice; remove one of the lines"),
        ("text", "nobody yes\n", ": no utterance of text has a recording in wav.scp"),
        ("wav.scp", "", ": no utterance of text has a recording in wav.scp"),
        ("wav.scp", "talk rm talk.wav |\n", "wav.scp:1: commands are not run; expected a file"),
    ],
)
def test_malformed_files_are_refused(recipe, run_script, file, text, message):
    dev = recipe / "data" / "dev"
    (dev / file).write_text(text)
    code, out, err = run_script(kaldi, "--root", dev)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("missing", ["text", "wav.scp"])
def test_a_folder_without_transcripts_is_refused(recipe, run_script, missing):
    (recipe / "data" / "train" / missing).unlink()
    code, _, err = run_script(kaldi, "--root", recipe / "data" / "train")
    assert code == 2
    assert "hold no wav.scp with a file text beside it; give --root a folder such as" in err
