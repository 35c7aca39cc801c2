import dataclasses
import gc
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import toys

from ds2np.audio.features import Features
from ds2np.data import cache as room
from ds2np.data.batches import make_batch, prefetch
from ds2np.data.cache import FeatureCache
from ds2np.data.dataset import Dataset
from ds2np.data.filling import fill_cache
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.parallel.communicator import Communicator


@pytest.fixture
def utterances(tmp_path):
    """Make a corpus of its own for each test: it will be changed."""
    return read_manifest(toys.make_corpus(tmp_path / "corpus"))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def make(folder, utterances, **changes):
    """Fill a cache; return it and what was computed."""
    config = dataclasses.replace(toys.MODEL, **changes)
    data = Dataset(utterances, config)
    cache, computed = FeatureCache(folder, Features(config), utterances), []

    def compute(i):
        computed.append(i)
        return data.features(i)

    fill_cache(cache, compute, data.frames, Communicator())
    return cache, computed


def files(folder):
    return sorted(folder.glob("*.features"))


def test_features_are_computed_once_and_kept_within_the_bound(utterances, folder):
    plain = Dataset(utterances, toys.MODEL)
    for count in (len(utterances), 0):
        cache, computed = make(folder, utterances)
        assert len(computed) == count
        assert not cache.missing.any()
        for i in range(len(utterances)):
            x = plain.features(i)
            np.testing.assert_allclose(cache.read(i), x, rtol=0, atol=np.abs(x).max() / 65000)
    assert len(files(folder)) == 1
    assert files(folder) == list(folder.iterdir())  # no lock, nothing half-written


def test_an_empty_folder_has_nothing(utterances, folder):
    cache = FeatureCache(folder, Features(toys.MODEL), utterances)
    assert cache.missing.all()
    assert cache.read(0) is None


def test_other_settings_are_computed_again(utterances, folder):
    make(folder, utterances)
    for changes in {"stride_ms": 5}, {"mels": 5}, {"normalisation": "corpus"}:
        assert len(make(folder, utterances, **changes)[1]) == len(utterances)
    assert not make(folder, utterances, hidden=99)[1]  # of the network, not of the features
    assert not make(folder, utterances, normalisation="running")[1]  # by the network
    assert len(files(folder)) == 4


def test_only_what_changed_is_computed_again(utterances, folder):
    make(folder, utterances)
    os.utime(utterances[3].audio_filepath, (1, 1))
    other = dataclasses.replace(utterances[5], offset=0.01, duration=0.05, text="")
    changed = [*utterances[2:5], other, dataclasses.replace(utterances[6], channel=0)]
    cache, computed = make(folder, changed)
    assert sorted(computed) == [1, 3, 4]
    for i, x in enumerate(map(Dataset(changed, toys.MODEL).features, range(5))):
        np.testing.assert_allclose(cache.read(i), x, rtol=0, atol=1e-3)
    assert not make(folder, [*changed, *utterances[:3]])[1]


def test_another_features_version_is_computed_again(utterances, folder, monkeypatch):
    make(folder, utterances)
    monkeypatch.setattr(room, "FEATURES_VERSION", 99)
    assert len(make(folder, utterances)[1]) == len(utterances)


@pytest.mark.parametrize("content", [b"", b"half of it", None])
def test_a_damaged_file_is_written_again(utterances, folder, content, capsys):
    make(folder, utterances)
    (path,) = files(folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    cache, computed = make(folder, utterances)
    assert len(computed) == len(utterances)
    assert path.read_bytes() == whole
    assert not cache.missing.any()
    warning = f"warning: {path} is damaged or gone (its end is missing); its features are computed"
    assert capsys.readouterr().err.count(warning) == 1


def test_damage_found_during_training_is_said_once(utterances, folder, capsys):
    """Nothing wrong is returned; the next run writes the file again."""
    data = Dataset(utterances, toys.MODEL)
    data.cache_features(folder, Communicator())
    (path,) = files(folder)
    data_before = path.read_bytes()
    path.write_bytes(bytes(1000) + data_before[1000:])
    everything = np.arange(len(utterances))
    batch = make_batch(data, everything)
    expected = make_batch(Dataset(utterances, toys.MODEL), everything)
    np.testing.assert_allclose(batch.x, expected.x, rtol=0, atol=1e-4)
    make_batch(data, everything)
    err = capsys.readouterr().err
    assert err.count("warning") == err.count(f"{path} is damaged or gone (features have") == 1
    assert not path.exists()
    assert len(make(folder, utterances)[1]) == len(utterances)
    assert path.read_bytes() == data_before


def test_a_folder_deleted_during_training(utterances, folder, capsys):
    cache, _ = make(folder, utterances)
    files(folder)[0].unlink()
    assert [cache.read(i) for i in range(3)] == [None] * 3
    assert capsys.readouterr().err.count("No such file") == 1


def test_augmented_recordings_bypass_the_cache(utterances, folder):
    data = Dataset(utterances, toys.MODEL, lambda samples, rng: -2 * samples)
    data.cache_features(folder, Communicator())
    data._cache.read = lambda i: 1 / 0
    data.features(0, np.random.default_rng(0))
    with pytest.raises(ZeroDivisionError):
        data.features(0)


def test_a_folder_that_cannot_be_made_is_named(utterances):
    with pytest.raises(UserError, match=r"cannot be created .*; choose another --cache"):
        make(utterances[0].audio_filepath / "below a file", utterances)


def test_minibatches_from_threads_are_those_of_one(utterances, folder):
    data = Dataset(utterances, toys.MODEL)
    data.cache_features(folder, Communicator())
    plan = data.plan(2, 3)
    for got, indices in zip(prefetch(data, plan), plan, strict=True):
        np.testing.assert_array_equal(got.x, make_batch(data, indices).x)


@pytest.mark.skipif("not os.path.isdir('/proc/self/fd')", reason="/proc is Linux's")
def test_few_files_are_open_at_a_time_and_none_afterwards(utterances, folder, monkeypatch):
    monkeypatch.setattr(room, "MAPPED", 2)
    before = len(os.listdir("/proc/self/fd"))
    for u in utterances:
        make(folder, [u])
    assert len(files(folder)) == len(utterances)
    cache = FeatureCache(folder, Features(toys.MODEL), utterances)
    assert not cache.missing.any()

    def read_all(cache=cache):
        for i in range(len(utterances)):
            assert len(cache.read(i))

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(read_all) for _ in range(3)]:
            done.result()
    assert len(os.listdir("/proc/self/fd")) <= before + 2
    del cache, read_all, done
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
