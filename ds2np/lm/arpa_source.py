"""The lines of an ARPA file, in blocks, with their numbers; plain or compressed."""

import contextlib
import gzip
import os
import zlib

from ds2np.errors import UserError
from ds2np.lm.progress import bar

BLOCK = 1 << 17  # bytes: the words of a block stay in the cache
GZIP = b"\x1f\x8b"


class Source:
    """Reads a text file in blocks of whole lines.

    Attributes
    ----------
    line : int
        Number of the next line.
    """

    def __init__(self, file):
        self._file = file
        self._rest = b""
        self._more = True
        self.line = 1

    def next_line(self):
        """Return the next line that is not blank, stripped, and its number; None at the end."""
        while True:
            while b"\n" not in self._rest and self._more:
                self._fill()
            if not self._rest:
                return None, self.line
            text, _, self._rest = self._rest.partition(b"\n")
            self.line += 1
            if text := text.strip():
                return text, self.line - 1

    def next_block(self):
        r"""Return lines up to one that begins with a backslash, and the number of the first.

        At most about `BLOCK` bytes; b"" if there is none. The next call may return more.
        """
        if len(self._rest) < BLOCK:
            self._fill()
        while b"\n" not in self._rest and self._more:
            self._fill()
        end = self._rest.rfind(b"\n") + 1 if self._more else len(self._rest)
        marker = 0 if self._rest.startswith(b"\\") else self._rest.find(b"\n\\", 0, end) + 1
        if marker or self._rest.startswith(b"\\"):
            end = marker
        block, self._rest, first = self._rest[:end], self._rest[end:], self.line
        self.line += block.count(b"\n")
        return block, first

    def _fill(self):
        new = self._file.read(BLOCK)
        self._more = bool(new)
        self._rest += new


@contextlib.contextmanager
def opened(path):
    """Open a file, compressed or not, with a progress bar if reading takes long.

    Raises
    ------
    UserError
        If it cannot be read, or its compressed form is damaged.
    """
    try:
        with (
            open(path, "rb") as raw,
            bar(
                desc=f"reading {os.path.basename(path)}",
                total=os.fstat(raw.fileno()).st_size,
                unit="B",
                unit_scale=True,
            ) as shown,
        ):
            compressed = raw.read(2) == GZIP
            raw.seek(0)
            watched = _Watched(raw, shown)
            yield Source(gzip.GzipFile(fileobj=watched) if compressed else watched)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: the compressed file is damaged or cut short ({error})") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None


class _Watched:
    """A file that shows how much of it has been read."""

    def __init__(self, file, shown):
        self._file, self._shown = file, shown

    def read(self, size=-1):
        data = self._file.read(size)
        self._shown.update(len(data))
        return data

    def seek(self, *where):
        return self._file.seek(*where)
