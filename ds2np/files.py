"""Make folders, and write files so that an interruption leaves the old one or the new one."""

import contextlib
import json
import math
import os
from pathlib import Path

from ds2np.errors import UserError


@contextlib.contextmanager
def replacing(path, mode="w"):
    """Open a file for writing that takes its place only when it is complete.

    Parameters
    ----------
    path : str or Path
    mode : {"w", "wb"}

    Yields
    ------
    file
        A temporary neighbour of path; renamed to path at the end, removed if anything is raised.

    Raises
    ------
    UserError
        If the disk takes no more.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the data has to be on the disk before the name is
        os.replace(partial, path)
    except BaseException as error:
        partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and not error.filename:  # of the writing, not of the opening
            raise UserError(
                f"{path} could not be written ({error.strerror}); the file that was there before "
                f"is as it was; make room on the disk"
            ) from None
        raise


def make_folder(folder, option="folder"):
    """Make a folder, with those above it, unless it is there.

    Parameters
    ----------
    folder : Path
    option : str
        What names it on the command line, such as ``--out``, for the error message.

    Raises
    ------
    UserError
        If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made ({error.strerror}); name another {option}"
        ) from None


def strict_json(values, indent=None):
    """Write plain values as JSON that every reader takes.

    JSON has no NaN and no infinity: a number that is not finite becomes null.

    Parameters
    ----------
    values : dict or list
    indent : int, optional
        All in one line if left out.

    Returns
    -------
    str
    """
    return json.dumps(_finite(values), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
