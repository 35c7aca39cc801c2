"""A disk cache of features, for recordings that are read in many epochs."""

import hashlib
import json
from pathlib import Path

import numpy as np

from ds2np.audio.features import FEATURES_VERSION
from ds2np.files import make_folder, replacing


class FeatureCache:
    """A folder of features, each file named by a hash of its recording and settings.

    A changed recording or other settings give another name, so no entry is ever stale. The folder
    can be deleted at any time. It is created if missing; a UserError if that is impossible.
    """

    def __init__(self, folder, features):
        self.folder, self._features = Path(folder), features
        make_folder(self.folder, "--cache")

    def read(self, path, notice=None, **part):
        """Return the features of a recording, computed only once; see `Features.read`."""
        kept = self._place(path, part)
        try:
            return np.load(kept, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # missing or damaged
            pass
        x = self._features.read(path, notice, **part)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept, "wb") as file:
            np.save(file, x)
        return x

    def _place(self, path, part):
        try:
            status = Path(path).stat()
            version = [status.st_size, status.st_mtime_ns]
        except OSError:
            version = []  # reading the file reports the error
        place = str(Path(path).resolve())
        key = [FEATURES_VERSION, place, version, part, *self._features.settings]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"
