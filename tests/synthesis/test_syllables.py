import numpy as np
import pytest
from helpers.pitch import contour, spread
from helpers.voices import need_espeak

from ds2np.audio import load_audio
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.synthesis.corpus import TEST_VARIANTS, TRAIN_VARIANTS
from ds2np.synthesis.syllables import (
    LENGTH,
    PARTS,
    SECONDS,
    TONE,
    WAYS,
    equalise,
    trim,
    write_syllables,
)

COUNTS = {"train": 3, "test": 8}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    need_espeak()
    folder = tmp_path_factory.mktemp("syllables") / "corpus"
    write_syllables(folder, seed=1, **COUNTS)
    return {
        (part, way): read_manifest(folder / f"{part}-{way}.jsonl")
        for part in COUNTS
        for way in PARTS[part][2]
    }


def syllables(utterance):
    """Cut a recording at its pauses, which are silent."""
    samples, _ = load_audio(utterance.audio_filepath)
    loud = np.flatnonzero(samples)
    cuts = np.flatnonzero(np.diff(loud) > 1000) + 1
    return [samples[part[0] : part[-1] + 1] for part in np.split(loud, cuts)]


def test_all_ways_say_the_same_by_voices_that_training_has_not(corpus):
    def said(way):
        return [(one.text, one.speaker) for one in corpus["test", way]]

    assert all(said(way) == said("spoken") for way in WAYS)
    assert all(
        len(one.text) == LENGTH and set(one.text) <= set(TONE) for one in corpus["test", "flat"]
    )
    voices = {part: {one.speaker for one in corpus[part, "equal"]} for part in COUNTS}
    assert voices["train"] <= {f"cmn+{variant}" for variant in TRAIN_VARIANTS}
    assert voices["test"] == {f"cmn+{variant}" for variant in TEST_VARIANTS}


@pytest.mark.parametrize(
    ("way", "equal"), [("spoken", False), ("equal", True), ("flat", False), ("flat-equal", True)]
)
def test_syllables_last_equally_long_where_the_way_says_so(corpus, way, equal):
    seconds = [len(one) / 16_000 for u in corpus["test", way] for one in syllables(u)]
    assert len(seconds) == LENGTH * COUNTS["test"]
    spread_of_them = max(seconds) - min(seconds)
    if equal:
        assert spread_of_them < 0.02
        assert max(seconds) == pytest.approx(SECONDS, abs=0.01)
    else:
        assert spread_of_them > 0.1


@pytest.mark.parametrize(
    ("way", "flat"), [("spoken", False), ("equal", False), ("flat", True), ("flat-equal", True)]
)
def test_the_pitch_moves_where_the_way_says_so(corpus, way, flat):
    (utterance,) = [one for one in corpus["test", way] if one.speaker == "cmn+f2"]
    moves = max(
        np.ptp(contour(syllable, spread(syllable, 9)[4:-1], (100, 300)))  # within the vowel
        for syllable in syllables(utterance)
    )
    assert (moves < 0.02) if flat else (moves > 0.1)


def test_equalising_keeps_the_pitch():
    time = np.arange(4000) / 16_000
    tone = np.sin(2 * np.pi * 200 * time).astype(np.float32)
    long = equalise(tone)
    assert len(long) == round(16_000 * SECONDS)
    np.testing.assert_allclose(contour(long, spread(long)), np.log2(200), atol=0.01)


def test_trimming_leaves_a_margin():
    sound = np.zeros(2000, np.float32)
    sound[800:1200] = 1
    sound[300] = 0.01
    assert np.array_equal(trim(sound), sound[640:1360])
    assert np.array_equal(trim(sound[800:]), sound[800:1360])


def test_a_crash_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise UserError("espeak-ng crashed")

    monkeypatch.setattr("ds2np.synthesis.syllables.record", fail)
    with pytest.raises(UserError):
        write_syllables(tmp_path / "corpus", train=2)
    assert not list(tmp_path.iterdir())
