"""Download a file so that a cut connection costs time and nothing else.

What has arrived waits in a file of its own, and the next attempt asks the server for the rest.
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
ATTEMPTS = 5  # that bring nothing new, one after the other
PAUSE = 1.0  # seconds after the first of them; each later pause is twice as long

# Sound takes up to half as much again as its archive, and for a while both lie on the disk.
SPACE_FACTOR = 2.5

SCALE = {"unit": "B", "unit_scale": True, "leave": False}
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES}


def download(url, part):
    """Fetch what is missing of a file, in as many connections as it takes.

    Parameters
    ----------
    url : str
    part : Path
        Where the file goes; what an earlier download has left there is continued.

    Raises
    ------
    UserError
        If the server does not have the file, keeps cutting the connection, or the disk is full.
        What has arrived stays in `part`.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url} cannot be downloaded; it has to begin with http:// or https://")
    most, failures = _size(part), 0
    while True:
        reason = _attempt(url, part)
        if reason is None:
            return
        # A server that cannot continue begins anew: only bytes never seen before are progress.
        failures = 0 if _size(part) > most else failures + 1
        most = max(most, _size(part))
        if failures == ATTEMPTS:
            raise UserError(
                f"{url}: {reason}, {ATTEMPTS} times in a row; {size_text(_size(part))} have "
                f"arrived and are kept: run this again to go on, or give another --mirror"
            )
        print(f"{url}: {reason}; trying again", file=sys.stderr)
        time.sleep(PAUSE * 2 ** max(0, failures - 1))


def _attempt(url, part):
    """Connect once; return None if the file is complete, or why it is not."""
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
        raise UserError(f"{url} is not an address ({error}); give another --mirror") from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise UserError(
                f"{part} cannot be written ({error.strerror}); what has arrived is kept: "
                f"make room and run this again, or give another --out"
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
            start = 0  # this server only sends whole files
        length = response.headers["Content-Length"]
        total = None if length is None else start + int(length)
        if total is not None:
            check_space(part.parent, total, start)
        with (
            open(part, "ab" if start else "wb") as file,
            tqdm(desc=part.stem, total=total, initial=start, **SCALE) as progress,
        ):
            while chunk := response.read1(CHUNK):  # what is there, be it little
                file.write(chunk)
                progress.update(len(chunk))
    if total is not None and _size(part) < total:
        raise ConnectionError(f"cut after {size_text(_size(part))} of {size_text(total)}")


def _without_rest(content_range, part):
    # The server says how long the file is: "bytes */1234".
    if content_range == f"bytes */{_size(part)}":
        return None
    part.unlink()
    return "what an earlier download has left is no part of the file"


def _size(path):
    return path.stat().st_size if path.exists() else 0


def size_text(count):
    """Write a number of bytes for people.

    Parameters
    ----------
    count : float

    Returns
    -------
    str
        In MB or GB.
    """
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def check_space(folder, total, arrived):
    """Refuse to begin what the disk cannot hold.

    Parameters
    ----------
    folder : Path
    total : int
        Bytes of the archive.
    arrived : int
        How many of them are on the disk already.

    Raises
    ------
    UserError
        If the archive and what comes out of it do not fit.
    """
    needed, free = SPACE_FACTOR * total - arrived, shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder} has {size_text(free)} free, and the archive with what comes out of it "
            f"needs {size_text(needed)}; make room or give another --out"
        )


def damage(path, md5=None):
    """Look for damage in a gzip archive.

    Parameters
    ----------
    path : Path
    md5 : str, optional
        The checksum its makers publish. Without it the archive is decompressed to its end, which
        finds what was cut off or altered on the way, but not an archive that was exchanged.

    Returns
    -------
    str or None
        What is wrong.
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
        return f"is no intact archive ({error})"
    if md5 and digest.hexdigest() != md5:
        return f"has the MD5 checksum {digest.hexdigest()} instead of {md5}"
    return None
