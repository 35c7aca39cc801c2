"""Writing ARPA files, which KenLM and other programs read."""

import gzip

import numpy as np

from ds2np.files import replacing
from ds2np.lm.progress import bar
from ds2np.lm.tables import MAX_WORDS, SHIFT
from ds2np.lm.units import note_units

BLOCK = 100_000  # n-grams written at once
LEVEL = 6  # of compression


def write_arpa(tables, path):
    """Write a model; compressed if the name ends in .gz, complete or not at all.

    Numbers are written such that reading them gives the same float32.
    """
    with replacing(path, "wb") as file:
        if path.suffix != ".gz":
            _write(tables, file)
            return
        # Without a time of its own, equal content gives equal files.
        with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=LEVEL, mtime=0) as compressed:
            _write(tables, compressed)


def _write(tables, file):
    counts = np.diff(tables.starts)
    head = [f"ngram {n}={count}\n" for n, count in enumerate(counts, start=1)]
    file.write("".join([note_units(tables.units, tables.space), "\\data\\\n", *head]).encode())
    names = np.array([word.encode() for word in tables.words], object)
    with bar(total=len(tables.logp) - 1, desc="writing", unit="n-gram", unit_scale=True) as shown:
        for n, start in enumerate(tables.starts[:-1], start=1):
            file.write(b"\n\\%d-grams:\n" % n)
            end = tables.starts[n]
            for at in range(start, end, BLOCK):
                block = np.arange(at, min(at + BLOCK, end))
                columns = [tables.logp[block].astype("S"), _texts(tables, names, block, n)]
                form = b"%b\t%b\n"
                if n < len(counts):
                    columns.append(tables.back[block].astype("S"))
                    form = b"%b\t%b\t%b\n"
                file.write(b"".join(map(form.__mod__, zip(*columns, strict=True))))
                shown.update(len(block))
    file.write(b"\n\\end\\\n")


def _texts(tables, names, block, n):
    """Return the words of n-grams, joined by spaces: object array of bytes (M,)."""
    texts = None
    for _ in range(n - 1):
        key = tables.key[block - tables.starts[1]]
        word = names[(key & np.uint64(MAX_WORDS - 1)).astype(np.int64)]
        texts = word if texts is None else word + (b" " + texts)
        block = (key >> SHIFT).astype(np.int64)
    return names[block - 1] if texts is None else names[block - 1] + (b" " + texts)
