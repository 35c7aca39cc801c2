"""Folders of noise recordings and room impulse responses, for the augmentation of chapter 08."""

import functools
import sys
import threading
from pathlib import Path

from ds2np.audio.folders import AUDIO_SUFFIXES, find_files
from ds2np.audio.load import load_audio
from ds2np.errors import UserError

CACHED = 32  # recordings per folder kept in memory
MANY = 10  # damaged recordings that no folder is given up for


class Sounds:
    """Sequence of recordings, read on first use and resampled to rate (in hertz).

    A recording that is silent or cannot be read is named on standard error and left out: the next
    one in the order of the paths takes its place, so that a draw depends on the folder alone and
    not on which thread reads first.
    """

    def __init__(self, paths, rate):
        self.paths, self.rate = paths, rate
        self._damaged, self._lock = {}, threading.Lock()  # path -> UserError
        self._read = functools.lru_cache(CACHED)(self._read)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, i):
        """Return recording i, or the next intact one: a read-only ndarray of float32.

        Raises
        ------
        UserError
            If no recording is intact, or at least ten and more than half of them are damaged.
        """
        first = range(len(self))[i]
        for step in range(len(self)):
            path = self.paths[(first + step) % len(self)]
            if path not in self._damaged:
                try:
                    return self._read(path)
                except UserError as error:
                    self._leave_out(path, error)
        raise self._too_many()

    def _read(self, path):
        samples, _ = load_audio(path, self.rate)
        if not samples.any():
            raise UserError(f"{path} is silent from beginning to end")
        samples.flags.writeable = False  # all callers share the cached array
        return samples

    def _leave_out(self, path, error):
        with self._lock:  # other threads may have found the same
            if path in self._damaged:
                return
            self._damaged[path] = error
            count = len(self._damaged)
            print(f"warning: {error}; left out ({count} of {len(self)} so far)", file=sys.stderr)
        if count > max(MANY - 1, len(self) / 2):
            raise self._too_many()

    def _too_many(self):
        first = next(iter(self._damaged.values()))
        return UserError(
            f"{len(self._damaged)} of {len(self)} recordings cannot be used; the first: {first}"
        )


def load_sounds(folder, rate):
    """Find the noises or impulse responses in a folder and its subfolders, at rate hertz.

    Returns
    -------
    Sounds
        In the order of their paths; none is read yet.

    Raises
    ------
    UserError
        If the folder does not exist, cannot be read, or has no recordings.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; expected a folder of recordings")
    paths = find_files(folder, AUDIO_SUFFIXES)
    if not paths:
        raise UserError(
            f"{folder} and its subfolders have no recordings, such as .wav, .flac, .ogg or .mp3"
        )
    return Sounds(paths, rate)
