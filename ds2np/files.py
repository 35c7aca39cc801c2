"""Write files so that an interruption leaves the old one or the new one, never a half."""

import contextlib
import os
from pathlib import Path


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
    """
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the data has to be on the disk before the name is
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
