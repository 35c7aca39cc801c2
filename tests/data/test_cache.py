import dataclasses
import os

import numpy as np
import pytest
import toys

from ds2np.data.cache import FeatureCache
from ds2np.data.dataset import Dataset, load_features
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.model import DeepSpeech2


@pytest.fixture
def path(tmp_path):
    return read_manifest(toys.make_corpus(tmp_path / "corpus"))[0].audio_filepath


def files(folder):
    return sorted(folder.rglob("*.npy"))


def test_features_are_computed_once(path, tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path / "cache")
    first = cache.features(path, toys.MODEL)
    np.testing.assert_array_equal(first, load_features(path, toys.MODEL))
    monkeypatch.setattr("ds2np.data.cache.load_features", lambda *rest: 1 / 0)
    np.testing.assert_array_equal(cache.features(path, toys.MODEL), first)


def test_a_changed_recording_and_other_settings_are_computed_anew(path, tmp_path):
    cache = FeatureCache(tmp_path / "cache")
    cache.features(path, toys.MODEL)
    cache.features(path, dataclasses.replace(toys.MODEL, stride_ms=5))
    assert len(files(cache.folder)) == 2
    cache.features(path, dataclasses.replace(toys.MODEL, hidden=99))  # of the network, not of them
    assert len(files(cache.folder)) == 2
    os.utime(path, (1, 1))
    cache.features(path, toys.MODEL)
    assert len(files(cache.folder)) == 3


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"half of it"])
def test_a_damaged_entry_is_computed_again(path, tmp_path, content):
    cache = FeatureCache(tmp_path / "cache")
    first = cache.features(path, toys.MODEL)
    files(cache.folder)[0].write_bytes(content)
    np.testing.assert_array_equal(cache.features(path, toys.MODEL), first)
    assert np.load(files(cache.folder)[0]).shape == first.shape


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(UserError, match="gone"):
        FeatureCache(tmp_path).features(tmp_path / "gone.wav", toys.MODEL)


def test_changed_recordings_pass_by_the_cache(path, tmp_path):
    utterances = read_manifest(path.parent / "tones.jsonl")
    cache = FeatureCache(tmp_path / "cache")
    data = Dataset(utterances, DeepSpeech2(toys.MODEL), lambda samples, rng: -2 * samples, cache)
    data.features(0, np.random.default_rng(0))
    assert not files(tmp_path / "cache")
    data.features(0)
    assert len(files(tmp_path / "cache")) == 1


def test_a_folder_that_cannot_be_made_is_named(path):
    with pytest.raises(UserError, match=r"cannot be made .*; name another --cache"):
        FeatureCache(path / "below a file")
