import multiprocessing
import threading

import numpy as np
import pytest
import soundfile
from helpers import toys

from ds2np.audio.features import Features
from ds2np.data import filling
from ds2np.data.cache import FeatureCache
from ds2np.data.dataset import Dataset
from ds2np.data.filling import fill_cache
from ds2np.data.manifest import read_manifest
from ds2np.errors import UserError
from ds2np.files import locked
from ds2np.parallel.communicator import Communicator

SMALL = 3000  # bytes of a file here: a few utterances
F = toys.MODEL.features


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(filling, "SHARD", SMALL)
    return tmp_path / "cache"


def files(folder):
    return sorted(folder.glob("*.features"))


def fill(folder, utterances, compute=None, comm=None):
    data = Dataset(utterances, toys.MODEL)
    cache = FeatureCache(folder, Features(toys.MODEL), utterances)
    fill_cache(cache, compute or data.features, data.frames, comm or Communicator())
    return cache


def test_files_follow_the_order_of_the_first_epoch(utterances, folder):
    cache = fill(folder, utterances)
    frames = Dataset(utterances, toys.MODEL).frames
    assert len(files(folder)) == -(-2 * F * frames.sum() // SMALL) > 3
    assert all(path.stat().st_size < 2 * SMALL for path in files(folder))
    order = np.argsort(frames, kind="stable")
    places = cache._places[order]
    by_file = [places[cache._file_of[places] == k] for k in range(len(files(folder)))]
    assert all((np.diff(each) == 1).all() for each in by_file)  # in one piece, in order
    changes = np.flatnonzero(np.diff(cache._file_of[places]))
    assert len(changes) == len(files(folder)) - 1  # one file after another


def test_the_features_are_the_same_bits_however_they_are_cut(utterances, folder, tmp_path):
    small = fill(folder, utterances)
    filling.SHARD = 2**29
    large = fill(tmp_path / "large", utterances)
    assert len(files(large.folder)) == 1
    for i in range(len(utterances)):
        np.testing.assert_array_equal(small.read(i), large.read(i))


def test_an_interrupted_filling_goes_on_where_it_was(utterances, folder):
    data, computed = Dataset(utterances, toys.MODEL), []
    longest = int(data.frames.argmax())

    def interrupted(i):
        if i == longest:
            raise KeyboardInterrupt
        computed.append(i)
        return data.features(i)

    with pytest.raises(KeyboardInterrupt):
        fill(folder, utterances, interrupted)
    written = files(folder)
    assert written
    assert list(folder.iterdir()) == written or sorted(folder.iterdir()) == written
    kept = int((~FeatureCache(folder, Features(toys.MODEL), utterances).missing).sum())
    again = []

    def counted(i):
        again.append(i)
        return data.features(i)

    assert not fill(folder, utterances, counted).missing.any()
    assert len(again) == len(utterances) - kept
    assert set(written) < set(files(folder))


def test_unusable_recordings_are_left_to_training(folder, tmp_path):
    utterances = read_manifest(toys.make_corpus(tmp_path / "corpus"))
    soundfile.write(utterances[2].audio_filepath, np.zeros(5), toys.RATE)
    calls = []
    data = Dataset(utterances, toys.MODEL)

    def compute(i):
        calls.append(i)
        return data.features(i)

    for _ in range(2):
        cache = fill(folder, utterances, compute)
        assert len(calls) == len(utterances)
        assert not cache.missing.any()
        assert [i for i in range(len(utterances)) if cache.read(i) is None] == [2]
    data.cache_features(folder, Communicator())
    with pytest.raises(UserError, match=r"2\.wav"):
        data.features(2)


class Ranks:
    """Communicators of threads."""

    def __init__(self, size):
        self.size, self.barrier = size, threading.Barrier(size, timeout=20)
        self.flags = [None] * size

    def run(self, function):
        """Call function(comm) on all ranks; return what it returns."""
        results = [None] * self.size

        def one(rank):
            results[rank] = function(Rank(self, rank))

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(self.size)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


class Rank(Communicator):
    def __init__(self, ranks, rank):
        self.ranks, self.rank, self.size = ranks, rank, ranks.size

    def barrier(self):
        self.ranks.barrier.wait()

    def any(self, *flags):
        self.ranks.flags[self.rank] = flags
        self.ranks.barrier.wait()
        found = [bool(any(each)) for each in zip(*self.ranks.flags, strict=True)]
        self.ranks.barrier.wait()
        return found


@pytest.mark.parametrize("meeting", [0, 5])
@pytest.mark.parametrize("size", [2, 3])
def test_ranks_share_the_work(utterances, folder, size, meeting, monkeypatch):
    monkeypatch.setattr(filling, "MEETING", meeting)
    monkeypatch.setattr(filling, "SHARD", 2**29)
    data, computed = Dataset(utterances, toys.MODEL), []

    def one(comm):
        own = []

        def compute(i):
            own.append(i)
            return data.features(i)

        cache = fill(folder, utterances, compute, comm)
        computed.append(own)
        return cache

    caches = Ranks(size).run(one)
    assert sorted(i for own in computed for i in own) == list(range(len(utterances)))
    assert all(computed)
    assert len(files(folder)) == size
    for cache in caches:
        assert not cache.missing.any()
        np.testing.assert_array_equal(cache.read(1), caches[0].read(1))


def test_ranks_with_folders_of_their_own_fill_them(utterances, folder):
    caches = Ranks(2).run(lambda comm: fill(folder / str(comm.rank), utterances, None, comm))
    assert not any(cache.missing.any() for cache in caches)


def fill_in_a_process(folder, utterances, calls):
    data = Dataset(utterances, toys.MODEL)

    def compute(i):
        with calls.get_lock():
            calls.value += 1
        return data.features(i)

    assert not fill(folder, utterances, compute).missing.any()


def test_a_second_run_waits_for_the_first(utterances, folder):
    """Two processes, one folder: all is computed once."""
    context = multiprocessing.get_context("spawn")
    calls = context.Value("i", 0)
    runs = [
        context.Process(target=fill_in_a_process, args=(folder, utterances, calls))
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    for run in runs:
        run.join(60)
    assert [run.exitcode for run in runs] == [0, 0]
    assert calls.value == len(utterances)


def test_who_is_waited_for_is_said_once(utterances, folder, monkeypatch, capsys):
    folder.mkdir()
    naps = []
    with locked(folder / "filling.lock", "it"):

        def nap(seconds):
            naps.append(seconds)
            if len(naps) == 3:
                (folder / "filling.lock").unlink()

        monkeypatch.setattr(filling.time, "sleep", nap)
        fill(folder, utterances)
    assert len(naps) == 3
    assert capsys.readouterr().err.count(f"waiting: {folder} is in use by process") == 1


def test_the_files_of_an_earlier_version_are_mentioned(utterances, folder, capsys):
    fill(folder, utterances[:3])
    assert capsys.readouterr().out == f"caching the features of 3 utterances in {folder}\n"
    (folder / "ab").mkdir()
    (folder / "ab" / "abcd.npy").touch()
    fill(folder, utterances)
    assert "its .npy files are of an earlier version and can be" in capsys.readouterr().out


def test_a_full_disk_is_one_sentence_and_not_waited_for(utterances, folder):
    def full(i):
        raise OSError(28, "No space left on device")

    with pytest.raises(UserError, match="could not be written"):
        fill(folder, utterances, full)
    assert not list(folder.iterdir())
