"""Sentences from what people have: text files, compressed or not, folders, manifests, a pipe."""

import gzip
import itertools
import sys
import zlib

from ds2np.errors import UserError

STDIN = "-"
SUFFIXES = (".txt", ".txt.gz")  # of the files of a folder that are read
MANIFESTS = (".jsonl", ".jsonl.gz")
GZIP = b"\x1f\x8b"


class Texts:
    """The sentences of several sources, each a line of text; can be read once.

    Parameters
    ----------
    paths : list of Path
        Text files, folders of them, manifests, or - for standard input.
    suspects : SuspectTexts, optional
        Looks at each sentence.

    Attributes
    ----------
    sentences, empty : int
        Those read so far, and how many of them have no word.
    """

    def __init__(self, paths, suspects=None):
        self._suspects = suspects
        self.sentences = self.empty = 0
        self._files = list(itertools.chain.from_iterable(map(_find, paths)))
        self._begins = []  # number of the first sentence of each file read so far

    def __iter__(self):
        """Yield the sentences, with a progress bar if that takes long."""
        from ds2np.lm.progress import bar

        sizes = [0 if str(path) == STDIN else path.stat().st_size for path in self._files]
        total = None if 0 in sizes else sum(sizes)
        with bar(desc="reading", total=total, unit="B", unit_scale=True) as shown:
            for path in self._files:
                self._begins.append(self.sentences + 1)
                for line in (_of_manifest if _is_manifest(path) else _of_file)(path, shown):
                    self.sentences += 1
                    self.empty += not line or line.isspace()
                    if self._suspects:
                        self._suspects.notice(line, self.sentences)
                    yield line

    def warn(self):
        """Print what is probably not meant in the sentences read so far."""
        for sentence in self._suspects.sentences(self.where):
            print(f"warning: {sentence}", file=sys.stderr)

    def where(self, number):
        """Return the place of a sentence, numbered from 1, for messages."""
        file = sum(begin <= number for begin in self._begins) - 1
        path, number = self._files[file], number - self._begins[file]
        if _is_manifest(path):
            from ds2np.data.manifest import scan_manifest

            return next(itertools.islice(scan_manifest(path, False), number, None))[1].where
        return f"{name_of(path)}, line {number + 1}"


def name_of(path):
    """Return what messages call a source."""
    return "standard input" if str(path) == STDIN else str(path)


def _is_manifest(path):
    return path.name.lower().endswith(MANIFESTS)


def _find(path):
    """List the files of a source."""
    from ds2np.audio.folders import find_files

    if str(path) == STDIN:
        return [path]
    if not path.exists():
        raise UserError(f"{path} does not exist; expected text")
    if not path.is_dir():
        return [path]
    found = find_files(path, SUFFIXES)
    if not found:
        raise UserError(f"{path} is a folder without text, files that end in .txt or .txt.gz")
    return found


def _of_manifest(path, shown):
    from ds2np.data.manifest import scan_manifest

    for _, item in scan_manifest(path, transcribed=True):
        if isinstance(item, UserError):
            raise item
        yield item.text
    shown.update(path.stat().st_size)


def _of_file(path, shown):
    """Yield the lines of a text file, decompressed if it is compressed."""
    number = 0
    try:
        with _open(path) as raw:
            compressed, read = raw.peek(2)[:2] == GZIP, 0
            lines = gzip.GzipFile(fileobj=raw) if compressed else raw
            for number, line in enumerate(lines, start=1):
                if number % 4096 == 0 and raw.seekable():
                    shown.update(raw.tell() - read)
                    read = raw.tell()
                if b"\0" in line:
                    raise UserError(f"{name_of(path)}, line {number} holds a NUL; it is not text")
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{name_of(path)}, line {number} is not UTF-8 text") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        where = f"{name_of(path)} is damaged behind line {number}"
        raise UserError(f"{where} ({error}); compress it again") from None


def _open(path):
    if str(path) == STDIN:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    return open(path, "rb")
