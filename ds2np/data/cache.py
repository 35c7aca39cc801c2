"""Spectrograms kept on disk, for data that is read many times."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from ds2np.data.dataset import load_features
from ds2np.files import make_folder, replacing

FORMAT = 1  # of the features; a change in how they are computed needs a new number
SETTINGS = ("sample_rate", "window_ms", "stride_ms", "mels")


class FeatureCache:
    """A folder of spectrograms, each named by its recording and the settings that made it.

    A recording that has changed, or other settings, have another name: nothing is ever stale. The
    folder may be deleted at any time.

    Parameters
    ----------
    folder : str or Path
        Made if it is not there.

    Raises
    ------
    UserError
        If it cannot be made.
    """

    def __init__(self, folder):
        self.folder = Path(folder)
        make_folder(self.folder, "--cache")

    def features(self, path, config):
        """Return the features of a recording, computed only the first time.

        Parameters
        ----------
        path : str or Path
        config : DeepSpeech2Config

        Returns
        -------
        ndarray of float32 of shape (T, F)

        Raises
        ------
        UserError
            See `load_features`.
        """
        kept = self._place(path, config)
        try:
            return np.load(kept, allow_pickle=False)
        except (OSError, ValueError, EOFError):  # not there, or not all of it
            pass
        x = load_features(path, config)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with replacing(kept, "wb") as file:
            np.save(file, x)
        return x

    def _place(self, path, config):
        try:
            status = Path(path).stat()
            version = [status.st_size, status.st_mtime_ns]
        except OSError:
            version = []  # reading it will say what is wrong
        settings = dataclasses.asdict(config)
        key = [FORMAT, str(Path(path).resolve()), version, *(settings[name] for name in SETTINGS)]
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self.folder / name[:2] / f"{name}.npy"
