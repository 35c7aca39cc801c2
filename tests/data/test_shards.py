import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds2np.data.shards import END, ENTRY, map_file, quantise, read_features, read_index, write_shard
from ds2np.errors import UserError

F = 5


@pytest.fixture
def features(rng):
    """Spectrograms of unequal length, one without a frame, one of silence."""
    made = {f"{n:032x}".encode(): 3 * rng.standard_normal((n, F)).astype("f4") for n in (7, 0, 900)}
    return made | {b"f" * 32: np.zeros((4, F), np.float32)}


@pytest.fixture
def path(tmp_path, features):
    path = tmp_path / "some.features"
    write_shard(path, ((key, quantise(x)) for key, x in features.items()))
    return path


def test_what_was_written_is_read_within_the_bound(path, features):
    index, mapped = read_index(path, F), map_file(path)
    assert [entry["key"] for entry in index] == list(features)
    for entry, x in zip(index, features.values(), strict=True):
        read = read_features(mapped, F, entry)
        assert (read.shape, read.dtype) == (x.shape, np.float32)
        bound = np.abs(x).max(initial=0) / 65534 * (1 + 1e-2)
        np.testing.assert_allclose(read, x, rtol=0, atol=bound)


def test_the_layout_is_the_documented_one(path, features):
    """Read without the module: frames one after another, then the index, then the end."""
    data = path.read_bytes()
    assert data[-16:] == b"ds2np features 1"
    count = int.from_bytes(data[-28:-20], "little")
    assert count == len(features)
    frames = sum(map(len, features.values()))
    index = data[2 * F * frames : -28]
    assert len(index) == 56 * count
    assert zlib.crc32(index) == int.from_bytes(data[-20:-16], "little")
    numbers = np.frombuffer(data[: 2 * F * frames], np.int16).reshape(frames, F)
    assert np.abs(numbers[:7]).max() == 32767
    assert not numbers[-4:].any()


def test_the_error_is_below_that_of_float16(rng):
    """A utterance normalised to variance 1: the largest errors, and the root mean squares."""
    x = rng.standard_normal((700, 161)).astype(np.float32)
    numbers, scale = quantise(x)
    ours, half = numbers * scale - x, x.astype(np.float16).astype(np.float32) - x
    assert np.abs(ours).max() < 1e-4 < 1e-3 < np.abs(half).max()
    assert ours.std() < 4.5e-5 < 2e-4 < half.std()


@given(st.integers(-100, 100), st.integers(0, 2**32 - 1))
def test_no_scale_overflows(exponent, seed):
    x = np.random.default_rng(seed).uniform(-1, 1, (3, 4)).astype(np.float32)
    x *= np.float32(2.0**exponent)
    numbers, scale = quantise(x)
    assert np.abs(numbers.astype(int)).max() == 32767
    np.testing.assert_allclose(numbers * scale, x, rtol=0, atol=np.abs(x).max() / 65000)


def damage(data, place):
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("length", [0, 1, END.size - 1, END.size, 1000, -1, -END.size])
def test_a_cut_file_is_refused(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="its end is missing"):
        read_index(path, F)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (-1, "its end is missing"),
        (-END.size, "another checksum"),  # the number of entries
        (-END.size + 7, "another checksum"),  # more entries than the file could hold
        (-END.size - 1, "another checksum"),
        (-END.size - 4 * ENTRY.itemsize, "another checksum"),
    ],
)
def test_a_damaged_index_is_refused(path, place, message):
    data = path.read_bytes()
    path.write_bytes(damage(data, len(data) + place))
    with pytest.raises(ValueError, match=message):
        read_index(path, F)


def test_missing_features_and_those_of_another_width_are_refused(path):
    path.write_bytes(path.read_bytes()[2 * F :])
    with pytest.raises(ValueError, match=r"holds 9100 bytes of features, but not those of its"):
        read_index(path, F)


@pytest.mark.parametrize("place", [0, 2 * F * 7 - 1])
def test_damaged_features_are_refused_and_only_they(path, place):
    index = read_index(path, F)
    path.write_bytes(damage(path.read_bytes(), place))
    mapped = map_file(path)
    with pytest.raises(ValueError, match="checksum"):
        read_features(mapped, F, index[0])
    for entry in index[1:]:
        read_features(mapped, F, entry)


def test_an_interruption_leaves_nothing(tmp_path, features):
    def interrupted():
        yield b"a" * 32, quantise(next(iter(features.values())))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path / "some.features", interrupted())
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_sentence(tmp_path):
    def full():
        raise OSError(28, "No space left on device")
        yield

    with pytest.raises(UserError, match=r"could not be written \(No space left"):
        write_shard(tmp_path / "some.features", full())


def resident(kind):
    """Return how many bytes of files, or of anything, this process has in memory."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(kind))


@pytest.mark.skipif("sys.platform != 'linux'", reason="/proc is Linux's")
def test_a_large_file_is_not_held_in_memory(tmp_path, rng):
    """100 MB, read in any order: its pages do not stay."""
    path = tmp_path / "large.features"
    numbers = rng.integers(-32767, 32767, (1000, 100), dtype="<i2"), np.float32(1)
    write_shard(path, ((b"%032d" % n, numbers) for n in range(500)))
    index, mapped = read_index(path, 100), map_file(path)
    rng.shuffle(index := index.copy())
    before = resident("RssFile")
    for entry in index:
        read_features(mapped, 100, entry)
        assert resident("RssFile") - before < 3e6
