"""Files of cached features: those of many utterances one after another, as 16-bit integers.

========  =====================================================================
numbers   int16 (frames of all utterances, F), little-endian like all that follows
index     an `ENTRY` for each utterance
end       `END`: the index's number of entries and checksum, and `MARK`
========  =====================================================================

A file is written once and never changed. It is complete if its end is there. Readers map it into
memory: the system reads it in the order in which it is used, and all processes share its pages.
"""

import mmap
import struct
import zlib

import numpy as np

from ds2np.files import replacing

# ``start`` and ``frames`` are rows of the numbers; the checksum is that of the utterance's numbers.
ENTRY = np.dtype(
    [
        ("key", "S32"),
        ("start", "<i8"),
        ("frames", "<i8"),
        ("scale", "<f4"),
        ("checksum", "<u4"),
    ]
)
END = struct.Struct("<QI16s")
MARK = b"ds2np features 1"
MOST = 32767  # of int16
AROUND = 2**20  # bytes; a multiple of the size of a page


def quantise(x):
    """Round features (T, F) to 16-bit integers q with one scale s for the utterance.

    With q = round(x / s) and s = max |x| / 32767, no error |s q - x| exceeds max |x| / 65534.
    float16 takes as many bytes, but its error near max |x| is up to 16 times as large.
    """
    scale = np.float32(np.abs(x).max(initial=0) / MOST) or np.float32(1)
    return np.rint(x / scale).astype("<i2"), scale


def write_shard(path, utterances):
    """Write a file from an iterable of keys and what `quantise` returns, completely or not at all.

    Raises UserError if the disk is full.
    """
    entries, start = [], 0
    with replacing(path, "wb") as file:
        for key, (numbers, scale) in utterances:
            file.write(numbers)
            entries.append((key, start, len(numbers), scale, zlib.crc32(numbers)))
            start += len(numbers)
        index = np.array(entries, ENTRY).tobytes()
        file.write(index + END.pack(len(entries), zlib.crc32(index), MARK))


def read_index(path, F):
    """Return the index of a file of features with F numbers a frame.

    Raises OSError, or ValueError if the file is damaged.
    """
    with open(path, "rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - END.size, 0))
        end = file.read()
        if len(end) < END.size or end[-len(MARK) :] != MARK:
            raise ValueError("its end is missing")
        count, checksum, _ = END.unpack(end)
        start = max(size - END.size - count * ENTRY.itemsize, 0)
        file.seek(start)
        index = file.read(size - END.size - start)
    if zlib.crc32(index) != checksum:
        raise ValueError("its index has another checksum")
    index = np.frombuffer(index, ENTRY)  # a ValueError if it is no whole number of entries
    if 2 * F * int(index["frames"].sum()) != start:
        raise ValueError(f"it holds {start} bytes of features, but not those of its index")
    return index


def map_file(path):
    """Map a file into memory."""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def read_features(mapped, F, entry):
    """Return the features (T, F) of an entry of the index, in float32.

    Raises ValueError if they are damaged.
    """
    first, size = 2 * F * int(entry["start"]), 2 * F * int(entry["frames"])
    numbers = np.frombuffer(mapped, "<i2", size // 2, first).reshape(-1, F)
    if zlib.crc32(numbers) != entry["checksum"]:
        raise ValueError("features have another checksum")
    x = numbers * entry["scale"]
    # The pages stay in the system's cache, but not in the memory of this process; nor do those
    # around them, which the system has mapped along.
    page = first - first % AROUND
    mapped.madvise(mmap.MADV_DONTNEED, page, min(first + size + AROUND, len(mapped)) - page)
    return x
