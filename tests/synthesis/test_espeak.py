import ctypes.util
import re
import sys

import numpy as np
import pytest
import synthetic
from helpers.voices import need_espeak

from ds2np.errors import UserError
from ds2np.synthesis import corpus, espeak
from ds2np.synthesis.languages import LANGUAGES
from ds2np.synthesis.syllables import SYLLABLES

TEXT = "the dog and the cat are in the garden"


@pytest.fixture(scope="module")
def speaker():
    need_espeak()
    return espeak.Espeak()


@pytest.fixture
def no_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setattr(espeak, "LIBRARY_NAMES", ("libno-such-speech.so",))


def measure_pitch(samples, rate):
    """Return the fundamental frequency of each voiced frame of 50 ms."""
    size = rate // 20
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    power = np.abs(np.fft.rfft(frames, 2 * size)) ** 2
    correlation = np.fft.irfft(power)
    shortest, longest = rate // 400, rate // 60
    periods = shortest + np.argmax(correlation[:, shortest:longest], axis=1)
    loud = correlation[:, 0] > correlation[:, 0].mean()
    return rate / periods[loud]


def fundamental(samples, rate):
    return np.median(measure_pitch(samples, rate))


def spectrum(samples):
    power = np.abs(np.fft.rfft(samples, 1 << 17))[: 64 * 1000] ** 2
    level = np.log(power.reshape(64, -1).mean(axis=1))
    return level - level.mean()


def test_samples_are_float32_within_full_scale(speaker):
    samples, rate = speaker.say(TEXT, "en-us+f3", 160, 50)
    assert samples.dtype == np.float32
    assert rate == 22050
    assert 0.1 < np.abs(samples).max() < 0.9
    assert 1.5 < len(samples) / rate < 3.5


def test_rate_is_words_a_minute(speaker):
    slow, fast = (len(speaker.say(TEXT, "en-us+m3", rate, 50)[0]) for rate in (130, 200))
    assert slow / fast == pytest.approx(200 / 130, rel=0.1)


def test_pitch_raises_the_voice(speaker):
    low, high = (fundamental(*speaker.say(TEXT, "en-us+m3", 160, pitch)) for pitch in (30, 70))
    assert high > 1.1 * low


@pytest.mark.parametrize("accent", LANGUAGES["en"].accents)
def test_every_variant_is_a_voice_of_its_own(speaker, accent):
    def listen(variant):
        samples, rate = speaker.say(TEXT, f"{accent}+{variant}", 160, 50)
        assert np.sqrt(np.mean(samples**2)) > 0.01
        assert np.abs(samples).max() < 0.95
        assert 1.5 < len(samples) / rate < 3.5
        return spectrum(samples)

    variants = corpus.TRAIN_VARIANTS + corpus.TEST_VARIANTS
    spectra = [listen(variant) for variant in variants]
    again = listen(variants[0])
    same = np.abs(spectra[0] - again).mean()
    for number, first in enumerate(spectra):
        for second in spectra[:number]:
            assert np.abs(first - second).mean() > 1.3 * same


@pytest.mark.parametrize("voice", ["en-us+nobody", "xx-nowhere", "xx-nowhere+f1"])
def test_an_unknown_voice_is_refused(speaker, voice):
    with pytest.raises(UserError, match=f'no voice "{voice}"'.replace("+", r"\+")):
        speaker.say(TEXT, voice, 160, 50)


def test_a_process_can_have_only_one(speaker):
    with pytest.raises(RuntimeError, match="one Espeak"):
        espeak.Espeak()


def test_a_missing_library_is_one_sentence_with_a_remedy(no_library, run_script, tmp_path):
    code, out, err = run_script(synthetic, "--out", tmp_path / "corpus")
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1
    for way in ("pip install espeakng-loader", "apt install libespeak-ng1", "brew install"):
        assert way in err
    assert list(tmp_path.iterdir()) == []


def test_a_wider_range_moves_the_tones_further(speaker):
    def octaves(*pitch_range):
        spoken = speaker.say("妈骂妈骂", "cmn+f2", 130, 50, *pitch_range)
        return np.ptp(np.log2(measure_pitch(*spoken)))

    usual = octaves()
    assert octaves(75) > 1.3 * usual
    assert octaves() == pytest.approx(usual, rel=0.05)


def test_phonemes_show_tones_and_what_is_spoken_in_english(speaker):
    tones = re.findall(r"\d+", speaker.phonemes("妈麻马骂吗", "cmn"))
    assert tones == ["55", "35", "214", "51", "11"]
    assert "(en)" in speaker.phonemes("熊猫", "cmn")


@pytest.mark.parametrize("row", SYLLABLES)
def test_four_characters_are_one_syllable_in_four_tones(speaker, row):
    spoken = [speaker.phonemes(character, "cmn") for character in row]
    assert [re.findall(r"\d+", each) for each in spoken] == [["55"], ["35"], ["214"], ["51"]]
    assert len({re.sub(r"\d+", "", each) for each in spoken}) == 1
