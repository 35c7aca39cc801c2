"""Features kept on disk, for data that is read many times."""

import hashlib
import json
from pathlib import Path

import numpy as np

from ds2np.files import make_folder, replacing

FORMAT = 1  # of the features; a change in how they are computed needs a new number


class FeatureCache:
    """A folder of features, each named by its recording and the settings that made it.

    A recording that has changed, or other settings, have another name: nothing is ever stale. The
    folder may be deleted at any time.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.
    features : Features

    Raises
    ------
    UserError
        If the folder cannot be made.
    """

    def __init__(self, folder, features):
        self.folder, self._features = Path(folder), features
        make_folder(self.folder, "--cache")

    def read(self, path):
        """Return the features of a recording, computed only the first time; see `Features.read`."""
        kept = self._place(path)
        try:
            return np.load(kept, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or not all of it
            pass
        x = self._features.read(path)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept, "wb") as file:
            np.save(file, x)
        return x

    def _place(self, path):
        try:
            status = Path(path).stat()
            version = [status.st_size, status.st_mtime_ns]
        except OSError:
            version = []  # reading it will say what is wrong
        key = [FORMAT, str(Path(path).resolve()), version, *self._features.settings]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"
