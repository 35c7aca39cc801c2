"""Folders of noise recordings and room impulse responses, for augmentation."""

import functools
from pathlib import Path

from ds2np.audio.load import load_audio
from ds2np.errors import UserError

SUFFIXES = (".wav", ".flac")
CACHED = 32  # recordings of a folder that are kept in memory


class Sounds:
    """Recordings, each read when it is first asked for.

    Parameters
    ----------
    paths : list of Path
    rate : int
        In hertz; recordings of another rate are resampled.
    """

    def __init__(self, paths, rate):
        self.paths, self.rate = paths, rate
        self._read = functools.lru_cache(CACHED)(self._read)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        """Return recording i, an ndarray of float32, read-only."""
        return self._read(self.paths[i])

    def _read(self, path):
        samples, _ = load_audio(path, self.rate)
        if not samples.any():
            raise UserError(f"{path} is silent from beginning to end; take it out of the folder")
        samples.flags.writeable = False  # everyone who asks gets the same array
        return samples


def load_sounds(folder, rate):
    """Find the recordings in a folder and the folders in it: noises, or responses of rooms.

    Parameters
    ----------
    folder : str or Path
    rate : int
        In hertz.

    Returns
    -------
    Sounds
        In the order of their paths; none is read yet.

    Raises
    ------
    UserError
        If there is no such folder, or no recording in it; later, if a recording cannot be read or
        is silent.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; one with recordings is needed")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(f"{folder} has no recordings ({', '.join(SUFFIXES)}) in it or below it")
    return Sounds(paths, rate)
