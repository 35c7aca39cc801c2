"""Folders of noise recordings and room impulse responses, for the augmentation of chapter 08."""

import functools
from pathlib import Path

from ds2np.audio.load import load_audio
from ds2np.errors import UserError

SUFFIXES = (".wav", ".flac")
CACHED = 32  # recordings per folder kept in memory


class Sounds:
    """Sequence of recordings, read on first use and resampled to rate (in hertz)."""

    def __init__(self, paths, rate):
        self.paths, self.rate = paths, rate
        self._read = functools.lru_cache(CACHED)(self._read)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        """Return recording i, a read-only ndarray of float32."""
        return self._read(self.paths[i])

    def _read(self, path):
        samples, _ = load_audio(path, self.rate)
        if not samples.any():
            raise UserError(f"{path} is silent from beginning to end; remove it from the folder")
        samples.flags.writeable = False  # all callers share the cached array
        return samples


def load_sounds(folder, rate):
    """Find the noises or impulse responses in a folder and its subfolders, at rate hertz.

    Returns
    -------
    Sounds
        In the order of their paths; none is read yet.

    Raises
    ------
    UserError
        If the folder does not exist or has no recordings; on first use, if a recording cannot be
        read or is silent.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected a folder of recordings")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise UserError(
            f"{folder} has no recordings ({', '.join(SUFFIXES)}) in it or its subfolders"
        )
    return Sounds(paths, rate)
