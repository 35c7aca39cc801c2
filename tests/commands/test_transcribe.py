"""What can be transcribed, how it is printed, and what happens to a recording that cannot."""

import dataclasses
import io
import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np.audio import load_audio
from ds2np.data.manifest import read_manifest, write_manifest


@pytest.fixture
def corpus(tmp_path):
    return toys.make_corpus(tmp_path / "corpus")


@pytest.fixture
def transcribe(ds2np, finished):
    """Run the command; return its exit code, the lines of stdout, and stderr."""

    def run(*arguments):
        code, out, err = ds2np("transcribe", finished, *arguments)
        return code, out.splitlines(), err

    return run


def test_a_folder(transcribe, corpus):
    separate = [transcribe(u.audio_filepath)[1][0] for u in read_manifest(corpus)]
    names = sorted(path.name for path in corpus.parent.glob("*.wav"))
    code, lines, err = transcribe(corpus.parent)
    assert (code, err) == (0, "")
    assert lines == [f"{corpus.parent / n}: {separate[int(n.removesuffix('.wav'))]}" for n in names]
    (corpus.parent / "empty").mkdir()
    code, lines, err = transcribe(corpus.parent / "empty")
    assert (code, lines) == (2, [])
    assert err == f"error: {corpus.parent / 'empty'} is a folder without recordings\n"


def test_a_manifest_with_segments(transcribe, corpus, tmp_path):
    """Each segment is transcribed alone; its words have the times of the recording."""
    utterances = read_manifest(corpus)[:3]
    sounds = [load_audio(u.audio_filepath)[0] for u in utterances]
    long = tmp_path / "long.wav"
    soundfile.write(long, np.stack([np.concatenate(sounds)] * 2, axis=1), toys.RATE)
    starts = np.cumsum([0, *map(len, sounds)]) / toys.RATE
    segments = [
        dataclasses.replace(u, audio_filepath=long, offset=float(start), channel=1)
        for u, start in zip(utterances, starts[:-1], strict=True)
    ]
    write_manifest(tmp_path / "m.jsonl", segments)
    code, lines, _ = transcribe(tmp_path / "m.jsonl", "--json")
    assert code == 0
    entries = [json.loads(line) for line in lines]
    for entry, utterance, start in zip(entries, utterances, starts[:-1], strict=True):
        alone = json.loads(transcribe(utterance.audio_filepath, "--json")[1][0])
        assert entry["text"] == alone["text"]
        assert entry["offset"] == pytest.approx(start)
        for got, expected in zip(entry["words"], alone["words"], strict=True):
            assert got["start"] == pytest.approx(start + expected["start"])
            assert got["end"] <= start + utterance.duration + 1e-6
    assert transcribe(tmp_path / "m.jsonl")[1][2].startswith(f"{long} from {starts[2]:g} s: ")


def test_a_manifest_without_transcripts_and_with_a_bad_line(transcribe, corpus):
    lines = [json.loads(line) for line in corpus.read_text().splitlines()[:2]]
    for line in lines:
        del line["text"]
    corpus.write_text("\n".join([json.dumps(lines[0]), "[]", json.dumps(lines[1])]))
    code, out, err = transcribe(corpus)
    assert (code, len(out)) == (2, 2)
    assert err.startswith(f"error: {corpus}:2: found list; ")


def test_standard_input(transcribe, corpus, monkeypatch):
    data = (corpus.parent / "1.wav").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert transcribe("-") == (0, transcribe(corpus.parent / "1.wav")[1], "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe(transcribe, corpus, tmp_path):
    data, pipe = (corpus.parent / "1.wav").read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[data])
    writer.start()
    assert transcribe(pipe) == (0, transcribe(corpus.parent / "1.wav")[1], "")
    writer.join()


def test_a_name_that_is_not_utf8_is_handed_on_as_its_bytes(finished, corpus):
    name = os.fsencode(corpus.parent / "1") + b"\xff\xe9.wav"
    os.rename(corpus.parent / "1.wav", name)
    command = [sys.executable, "-m", "ds2np", "transcribe", finished, name, corpus.parent / "0.wav"]
    done = subprocess.run(command, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.splitlines()[0].startswith(name + b": ")
    done = subprocess.run([*command, corpus.parent / "no.wav", "--json"], capture_output=True)
    assert done.returncode == 2
    first, second = map(json.loads, done.stdout.splitlines())
    assert os.fsencode(first["audio_filepath"]) == name
    assert second["audio_filepath"] == str(corpus.parent / "0.wav")


def test_a_channel_is_chosen(transcribe, corpus, tmp_path):
    sound, rate = soundfile.read(corpus.parent / "1.wav")
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack([0 * sound, sound], axis=1), rate)
    expected = transcribe(corpus.parent / "1.wav")[1]
    assert transcribe(path, "--channel", 1) == (0, expected, "")
    code, out, err = transcribe(path, "--channel", 2)
    assert (code, out) == (2, [])
    assert f"{path} has 2 channels but not channel 2" in err


@pytest.mark.parametrize(
    ("spoil", "warning"),
    [
        (lambda sound: np.stack([sound, -sound], axis=1), "2 channels that cancel each other out"),
        (lambda sound: 0 * sound, "is silent from beginning to end"),
    ],
)
def test_a_recording_that_cannot_be_recognised_is_a_warning(transcribe, corpus, spoil, warning):
    path = corpus.parent / "1.wav"
    sound, rate = soundfile.read(path)
    soundfile.write(path, spoil(sound), rate)
    code, _, err = transcribe(path)
    assert code == 0
    assert err.count("warning: ") == 1
    assert warning in err


@pytest.mark.parametrize("error", [MemoryError(), OSError(5, "Input/output error")])
def test_the_rest_is_done_after_a_failure_of_the_system(transcribe, corpus, monkeypatch, error):
    from ds2np.recogniser import Recogniser

    whole = Recogniser.transcribe

    def fail(self, sound, *rest, **part):
        if sound.name == "1.wav":
            raise error
        return whole(self, sound, *rest, **part)

    monkeypatch.setattr(Recogniser, "transcribe", fail)
    code, lines, err = transcribe(*(corpus.parent / f"{i}.wav" for i in range(3)))
    assert (code, len(lines)) == (2, 2)
    assert err.startswith(f"error: {corpus.parent / '1.wav'}: ")
    assert err.count("\n") == 1
