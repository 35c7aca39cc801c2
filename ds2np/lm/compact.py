"""The compact form of a language model: arrays that are mapped into memory, not read.

Opening a model of any size takes milliseconds, only what is used is read from the disk, and several
processes share one copy. The file holds

    MAGIC, version, length of the header, CRC-32 of the header      8 + 3 * 4 bytes
    header      JSON: total size of the file, starts, units, space, place and length of each array
    arrays      each at a multiple of `ALIGNED` bytes, little-endian; the words as lines of UTF-8
"""

import json
import os
import struct
import zlib

import numpy as np

from ds2np.errors import UserError
from ds2np.files import replacing
from ds2np.lm.tables import Tables

MAGIC = b"ds2np-lm"
VERSION = 1
FIXED = struct.Struct("<8sIII")
ALIGNED = 64
TYPES = {"key": "<u8", "logp": "<f4", "back": "<f4", "suffix": "<i4", "state": "<i4"}


def write_compact(tables, path):
    """Write a model, complete or not at all."""
    arrays = {name: np.asarray(getattr(tables, name), TYPES[name]) for name in TYPES}
    arrays["words"] = np.frombuffer("\n".join(tables.words).encode(), np.uint8)
    header = {"units": tables.units, "space": tables.space, "starts": tables.starts.tolist()}
    places, at = {}, 0  # relative to the end of the header
    for name, array in arrays.items():
        places[name] = [at, len(array)]
        at = _align(at + array.nbytes)
    text = json.dumps({**header, "arrays": places, "bytes": at}).encode()
    text += b" " * (_align(FIXED.size + len(text)) - FIXED.size - len(text))
    with replacing(path, "wb") as file:
        file.write(FIXED.pack(MAGIC, VERSION, len(text), zlib.crc32(text)) + text)
        for array in arrays.values():
            file.write(array.data)
            file.write(bytes(_align(array.nbytes) - array.nbytes))


def _align(size):
    return -(-size // ALIGNED) * ALIGNED


def read_compact(path):
    """Map a model into memory.

    Returns
    -------
    Tables
        Its arrays are read-only; the words are read.

    Raises
    ------
    UserError
        If the file is cut short, damaged or of another version.
    """
    with open(path, "rb") as file:
        fixed = file.read(FIXED.size)
        size = os.fstat(file.fileno()).st_size
        if len(fixed) < FIXED.size:
            raise UserError(f"{path} is cut short: {size} bytes do not even hold its header")
        _, version, length, checksum = FIXED.unpack(fixed)
        if version != VERSION:
            raise UserError(
                f"{path} is a compact language model of version {version}; expected version "
                f"{VERSION}: make it again with `python -m ds2np lm`"
            )
        text = file.read(length)
    start = FIXED.size + length
    if size < start:
        raise UserError(f"{path} is cut short: {size} bytes, but its header ends at {start}")
    if zlib.crc32(text) != checksum:
        raise UserError(f"{path} is damaged: the checksum of its header does not match")
    header = json.loads(text)
    if size != start + header["bytes"]:
        raise UserError(
            f"{path} has {size} bytes; expected {start + header['bytes']}: it is cut short"
        )
    whole = np.memmap(path, np.uint8, "r")

    def view(name, kind):
        at, count = header["arrays"][name]
        first = start + at
        return np.asarray(whole[first : first + count * np.dtype(kind).itemsize]).view(kind)

    words = view("words", np.uint8).tobytes().decode().split("\n")
    arrays = {name: view(name, kind) for name, kind in TYPES.items()}
    starts = np.array(header["starts"])
    return Tables(words, starts, **arrays, units=header["units"], space=header["space"])
