"""Files that neither an interruption nor another process leaves half-written; locks; folders."""

import contextlib
import functools
import json
import math
import os
import re
import secrets
import socket
import time
from pathlib import Path

from ds2np.errors import UserError

PARTIAL = re.compile(r"\.[0-9a-f]{16}\.partial$")  # the end of a temporary name
ABANDONED = 24 * 3600  # seconds after which nobody writes a temporary file any more


def read_text(path, needed):
    """Read UTF-8 text, with or without a byte-order mark.

    Raises a UserError if the file cannot be read, or is not UTF-8 text, which says what is needed.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; {needed}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None


@contextlib.contextmanager
def replacing(path, mode="w"):
    """Open a temporary file next to path ("w" or "wb") that replaces path when complete.

    If anything is raised, it is removed instead; a full disk raises UserError. Each call has a file
    of its own, so that several processes may write the same path: the last one wins.
    """
    path = Path(path)
    _remove_abandoned(path.parent)
    partial = path.with_name(f"{path.name}.{secrets.token_hex(8)}.partial")
    # The bytes of a file name that is not UTF-8 are written as JSON writes them, such as \udcff.
    text = {} if "b" in mode else {"encoding": "utf-8", "errors": "backslashreplace"}
    try:
        with open(partial, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # write the data before the name
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:  # from writing, not opening
            raise UserError(
                f"{path} could not be written ({error.strerror}); an existing file is "
                f"unchanged; free some disk space"
            ) from None
        raise


@functools.cache  # once for each folder
def _remove_abandoned(folder):
    remove_partial(folder, time.time() - ABANDONED)


def remove_partial(folder, before=math.inf):
    """Remove the temporary files of killed processes in a folder: those last written ``before``.

    The time is in seconds since 1970; all files by default, if no other process writes there.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if PARTIAL.search(entry.name) and entry.stat().st_mtime < before:
                os.unlink(entry.path)


@contextlib.contextmanager
def locked(path, subject):
    """Hold a lock file within a ``with`` block; it names the process that holds it.

    The system frees the lock when the process ends, also if it is killed. A file system without
    locks cannot do that; there a lock is free if its process does not run on this machine any more.

    Parameters
    ----------
    path : Path
        The lock file, in an existing folder; it is removed at the end of the block.
    subject : str
        What is locked, for the message.

    Raises
    ------
    UserError
        If it is held already, by another process or elsewhere in this one.
    """
    file = _lock(path, subject)
    try:
        holder = {"host": socket.gethostname(), "process": os.getpid()}
        file.truncate(0)
        file.write(json.dumps({**holder, "since": time.strftime("%Y-%m-%d %H:%M:%S")}) + "\n")
        file.flush()
        yield
    finally:
        with contextlib.suppress(OSError):
            if _is_at(file, path):
                path.unlink()  # before it is free, so that nobody locks a file that is gone
        file.close()


def _lock(path, subject):
    while True:
        file = open(path, "a+", encoding="utf-8")  # noqa: SIM115
        try:
            if refusal := _refusal(file, _take(file)):
                raise UserError(f"{subject} is in use by {refusal}")
            if _is_at(file, path):
                return file
        except BaseException:
            file.close()
            raise
        file.close()  # its last holder has just removed it: take a new one


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _take(file):
    """Lock an open file; return whether that worked, or None if there are no locks here."""
    try:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return None
    return True


def _refusal(file, taken):
    """Return who holds a lock file and what can be done, as a clause; None if it is free."""
    if taken:
        return None
    file.seek(0)
    try:
        held = json.loads(file.read())
        holder = f"process {held['process']} on {held['host']} since {held['since']}"
    except (ValueError, TypeError, KeyError):  # not written yet
        held, holder = None, "another process"
    if taken is False:
        return f"{holder}; wait until it ends, or choose another folder"
    if held is None or (held["host"] == socket.gethostname() and not _runs(held["process"])):
        return None
    return (
        f"{holder}, unless that was killed, which this file system without locks cannot tell; "
        f"wait until it ends, or delete {file.name} if it has"
    )


def _runs(process):
    """Return whether a process of this machine, given by its number, may be running."""
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is another user's
        pass
    return True


def make_folder(folder, option="folder"):
    """Create a folder and its parents if necessary.

    Parameters
    ----------
    folder : Path
    option : str
        Its command line option, such as ``--out``, for the error message.

    Raises
    ------
    UserError
        If it cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be created ({error.strerror}); choose another {option}"
        ) from None


def strict_json(values, indent=None):
    """Return values as standard JSON, which has no NaN or infinity: they become null.

    Names that are not UTF-8 are escaped, so that the text can be encoded.
    """
    text = json.dumps(_finite(values), ensure_ascii=False, allow_nan=False, indent=indent)
    return text.encode("utf-8", "backslashreplace").decode()


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
