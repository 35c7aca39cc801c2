import dataclasses
import os

import numpy as np
import pytest
from helpers import toys

from ds2np.audio.features import Features
from ds2np.data.cache import FeatureCache
from ds2np.data.dataset import Dataset
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError


@pytest.fixture
def path(tmp_path):
    return read_manifest(toys.make_corpus(tmp_path / "corpus"))[0].audio_filepath


def make_cache(folder, **changes):
    return FeatureCache(folder, Features(dataclasses.replace(toys.MODEL, **changes)))


def files(folder):
    return sorted(folder.rglob("*.npy"))


def test_features_are_computed_once(path, tmp_path, monkeypatch):
    cache = make_cache(tmp_path / "cache")
    first = cache.read(path)
    np.testing.assert_array_equal(first, Features(toys.MODEL).read(path))
    monkeypatch.setattr(Features, "read", lambda *rest: 1 / 0)
    np.testing.assert_array_equal(cache.read(path), first)


def test_a_changed_recording_and_other_settings_are_computed_again(path, tmp_path):
    cache = make_cache(tmp_path / "cache")
    cache.read(path)
    for count, changes in enumerate(
        ({"stride_ms": 5}, {"mels": 5}, {"normalisation": "corpus"}), start=2
    ):
        make_cache(cache.folder, **changes).read(path)
        assert len(files(cache.folder)) == count
    make_cache(cache.folder, hidden=99).read(path)  # of the network, not of the features
    make_cache(cache.folder, normalisation="running").read(path)  # by the network
    assert len(files(cache.folder)) == 4
    os.utime(path, (1, 1))
    cache.read(path)
    assert len(files(cache.folder)) == 5


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"half of it"])
def test_a_damaged_entry_is_computed_again(path, tmp_path, content):
    cache = make_cache(tmp_path / "cache")
    first = cache.read(path)
    files(cache.folder)[0].write_bytes(content)
    np.testing.assert_array_equal(cache.read(path), first)
    assert np.load(files(cache.folder)[0]).shape == first.shape


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(UserError, match="gone"):
        make_cache(tmp_path).read(tmp_path / "gone.wav")


def test_augmented_recordings_bypass_the_cache(path, tmp_path):
    utterances = read_manifest(path.parent / "tones.jsonl")
    cache = make_cache(tmp_path / "cache")
    data = Dataset(utterances, toys.MODEL, lambda samples, rng: -2 * samples, cache)
    data.features(0, np.random.default_rng(0))
    assert not files(tmp_path / "cache")
    data.features(0)
    assert len(files(tmp_path / "cache")) == 1


def test_a_folder_that_cannot_be_made_is_named(path):
    with pytest.raises(UserError, match=r"cannot be created .*; choose another --cache"):
        make_cache(path / "below a file")
