import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np.audio.features import Features
from ds2np.data.batches import Draw
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2


@pytest.fixture(scope="module")
def model():
    return DeepSpeech2(toys.MODEL)


@pytest.fixture(scope="module")
def utterances(tmp_path_factory):
    return read_manifest(toys.make_corpus(tmp_path_factory.mktemp("corpus")))


def change(utterances, i, **changes):
    return [dataclasses.replace(u, **changes) if j == i else u for j, u in enumerate(utterances)]


def test_labels_and_frames_fit_the_recordings(utterances, model):
    dataset = Dataset(utterances, model.config)
    assert len(dataset) == len(toys.TEXTS)
    assert dataset.texts == list(toys.TEXTS)
    assert dataset.labels[1].tolist() == [4, 2, 3, 1, 2, 3]  # "cab ab"
    for i in range(len(dataset)):
        x = dataset.features(i)
        assert x.shape == (dataset.frames[i], toys.MODEL.features)
        assert x.dtype == np.float32


def test_mel_bands_are_the_features_where_the_network_uses_them(utterances):
    config = dataclasses.replace(toys.MODEL, mels=5)
    features = Features(config).read(utterances[0].audio_filepath)
    assert features.shape[1] == config.features == 5
    assert features.dtype == np.float32


def test_transcripts_are_normalised_by_the_alphabet(utterances, model):
    dataset = Dataset(change(utterances, 0, text="  ABC "), model.config)
    assert dataset.texts[0] == "abc"


def test_unknown_characters_are_named_with_the_line(utterances, model):
    with pytest.raises(UserError) as caught:
        Dataset(change(utterances, 4, text="ab d"), model.config)
    assert str(caught.value).startswith(f"{utterances[4].where}: 'd' in 'ab d'")


def test_a_transcript_too_long_for_its_frames_is_named(utterances, model):
    # 0.1 s are 160 samples: 9 frames of 32, every 16; the convolution leaves 5. Labels: 4 + 2.
    long = change(utterances, 5, text="aaab")
    with pytest.raises(UserError) as caught:
        Dataset(long, model.config)
    assert str(caught.value).startswith(
        f"{utterances[5].where}: the transcript needs 6 frames, 0.1 s of audio gives 5;"
    )
    with pytest.raises(UserError, match="and 1 more"):
        Dataset(change(long, 9, text="aaab"), model.config)


def test_a_transcript_that_just_fits_is_taken(utterances, model):
    Dataset(change(utterances, 5, text="abcab"), model.config)


def test_a_recording_shorter_than_stated_is_named(utterances, model):
    dataset = Dataset(change(utterances, 5, text="aaab", duration=2.0), model.config)
    with pytest.raises(UserError) as caught:
        dataset.features(5)
    assert str(caught.value).startswith(f"{utterances[5].where}: the transcript needs 6 frames")
    assert f"{utterances[5].audio_filepath} gives 5" in str(caught.value)


def test_a_missing_recording_is_named_with_the_line(utterances, model):
    with pytest.raises(UserError) as caught:
        Dataset(change(utterances, 2, audio_filepath=Path("no.wav")), model.config)
    assert str(caught.value).startswith(f"{utterances[2].where}: no such audio file: no.wav")


def test_a_recording_without_a_whole_window_is_named(tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, np.ones(31) / 2, toys.RATE)
    with pytest.raises(UserError) as caught:
        Features(toys.MODEL).read(path)
    assert str(caught.value).startswith(f"{path}: the sound lasts 19.4 ms")


def test_features_do_not_depend_on_the_sampling_rate_of_the_file(utterances, tmp_path):
    samples, rate = soundfile.read(utterances[1].audio_filepath)
    soundfile.write(tmp_path / "stereo.wav", np.stack([samples, samples], axis=1), rate)
    x = Features(toys.MODEL).read(utterances[1].audio_filepath)
    np.testing.assert_allclose(Features(toys.MODEL).read(tmp_path / "stereo.wav"), x, atol=1e-3)


def test_a_drawn_epoch_is_planned_like_any_other(utterances):
    draw = Draw(first=2, times=3, others=4)
    dataset = Dataset(utterances, toys.MODEL, draw=draw)
    for epoch in (1, 2):
        plan = dataset.plan(epoch, batch_size=3, seed=1)
        assert max(map(len, plan)) <= 3
        found = sorted(int(i) for indices in plan for i in indices)
        assert found == sorted(draw(len(utterances), epoch, 1))
