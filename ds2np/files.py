"""Create folders, and write files that an interruption never leaves half-written."""

import contextlib
import json
import math
import os
from pathlib import Path

from ds2np.errors import UserError


@contextlib.contextmanager
def replacing(path, mode="w"):
    """Open a temporary file next to path ("w" or "wb") that replaces path when complete.

    If anything is raised, it is removed instead; a full disk raises UserError.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, mode, encoding=None if "b" in mode else "utf-8") as file:
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
    """Return values as standard JSON, which has no NaN or infinity: they become null."""
    return json.dumps(_finite(values), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value):
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
