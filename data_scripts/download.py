"""Resumable downloads: after a cut connection, only the missing bytes are requested again.

The bytes received are kept in a file of their own, which the next attempt continues.
"""

import errno
import gzip
import hashlib
import http.client
import shutil
import sys
import time
import urllib.error
import urllib.request
import zlib

from tqdm import tqdm

from ds2np.errors import UserError

CHUNK = 1 << 20  # bytes
TIMEOUT = 60  # seconds without a byte
ATTEMPTS = 5  # in a row without any new byte
PAUSE = 1.0  # seconds after the first attempt; each later pause is twice as long

# The audio takes up to 1.5 times the size of its archive, and for a while both are on the disk.
SPACE_FACTOR = 2.5

SCALE = {"unit": "B", "unit_scale": True, "leave": False}
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}


def download(url, part):
    """Download the missing bytes of a file, in as many connections as necessary.

    ``part`` receives the file, and may hold the beginning from an earlier download.

    Raises
    ------
    UserError
        If the server does not have the file or keeps cutting the connection, or the disk is full.
        The bytes received are kept in ``part``.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(
            f"{url} cannot be downloaded; expected an address that begins with http:// or https://"
        )
    most, failures = _size(part), 0
    while True:
        reason = _attempt(url, part)
        if reason is None:
            return
        # A server that cannot continue starts over: only bytes never received before are progress.
        failures = 0 if _size(part) > most else failures + 1
        most = max(most, _size(part))
        if failures == ATTEMPTS:
            raise UserError(
                f"{url}: {reason}, {ATTEMPTS} times in a row; {size_text(_size(part))} have "
                f"arrived and are kept: run this again to continue, or give another --mirror"
            )
        print(f"{url}: {reason}; trying again", file=sys.stderr)
        time.sleep(PAUSE * 2 ** max(0, failures - 1))


def _attempt(url, part):
    """Connect once; return None if the file is complete, or the reason why it is not."""
    try:
        _transfer(url, part)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and part.exists():
            return _without_rest(error.headers["Content-Range"], part)
        if error.code >= 500 or error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
            return f"the server answers {error.code} ({error.reason})"
        raise UserError(
            f"{url}: the server answers {error.code} ({error.reason}); give another --mirror"
        ) from None
    except (ValueError, http.client.InvalidURL) as error:
        raise UserError(f"{url} is not a valid address ({error}); give another --mirror") from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise UserError(
                f"{part} cannot be written ({error.strerror}); the bytes received are kept: "
                f"free some space and run this again, or give another --out"
            ) from None
        return f"the connection failed ({getattr(error, 'reason', error) or type(error).__name__})"
    return None


def _transfer(url, part):
    start = _size(part)
    request = urllib.request.Request(url)
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0  # this server sends only whole files
        length = response.headers["Content-Length"]
        total = None if length is None else start + int(length)
        if total is not None:
            check_space(part.parent, total, start)
        with (
            open(part, "ab" if start else "wb") as file,
            tqdm(desc=part.stem, total=total, initial=start, **SCALE) as progress,
        ):
            while chunk := response.read1(CHUNK):  # without waiting for a whole chunk
                file.write(chunk)
                progress.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"cut after {size_text(_size(part))} of {size_text(total)}")


def _without_rest(content_range, part):
    # The server states the length of the file: "bytes */1234".
    if content_range == f"bytes */{_size(part)}":
        return None
    part.unlink()
    return "the earlier partial download is not part of the file"


def _size(path):
    return path.stat().st_size if path.exists() else 0


def size_text(count):
    """Format a number of bytes in MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def check_space(folder, total, arrived):
    """Raise a UserError if the disk cannot hold an archive and its content.

    ``total`` are the bytes of the archive, of which ``arrived`` are on the disk already.
    """
    needed, free = SPACE_FACTOR * total - arrived, shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder} has {size_text(free)} free, but the archive and its content "
            f"need {size_text(needed)}; free some space or give another --out"
        )


def damage(path, md5=None):
    """Look for damage in a gzip archive; return a description of it, or None.

    Without ``md5``, the published checksum, the archive is decompressed to its end. That finds a
    truncated or corrupted archive, but not a replaced one.
    """
    if not _size(path):
        return "is empty"
    digest = hashlib.md5(usedforsecurity=False)
    opener = open if md5 else gzip.open
    try:
        with opener(path, "rb") as file, tqdm(desc=f"checking {path.name}", **SCALE) as progress:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                progress.update(len(chunk))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return f"is not an intact archive ({error})"
    if md5 and digest.hexdigest() != md5:
        return f"has the MD5 checksum {digest.hexdigest()} instead of {md5}"
    return None
