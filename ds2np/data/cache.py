"""A disk cache of features: computed once, then read in every epoch, by any number of processes."""

import functools
import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ds2np.audio.features import FEATURES_VERSION
from ds2np.data.manifest import identify
from ds2np.data.shards import ENTRY, map_file, read_features, read_index
from ds2np.files import make_folder

MAPPED = 64  # files that are mapped at a time: each takes a file descriptor


class FeatureCache:
    """The features of some utterances, in a few large files of a folder; `fill_cache` writes them.

    An utterance is found by a hash of the path, size and time of modification of its recording,
    its part, and the settings of the features. So no entry is ever stale: other recordings and
    settings add files. The folder can be deleted at any time.

    Parameters
    ----------
    folder : str or Path
        Created if missing; a UserError if that is impossible.
    features : Features
    utterances : list of Utterance

    Attributes
    ----------
    missing : ndarray of bool of shape (utterances,)
        Which utterances the folder lacks.
    """

    def __init__(self, folder, features, utterances):
        self.folder, self.F = Path(folder), features.count
        make_folder(self.folder, "--cache")
        self._settings = _hash([FEATURES_VERSION, *features.settings])[:16]
        self._keys = [_hash(_identity(utterance)).encode() for utterance in utterances]
        self.find()

    def find(self):
        """Look for the utterances in the files of the folder."""
        self._paths, indexes = [], [np.zeros(0, ENTRY)]
        for path in sorted(self.folder.glob(f"{self._settings}-*.features")):
            try:
                indexes.append(read_index(path, self.F))
                self._paths.append(path)
            except FileNotFoundError:  # another process has discarded it
                continue
            except (OSError, ValueError) as error:
                _discard(path, error)
        self._map = functools.lru_cache(MAPPED)(map_file)
        self._entries = np.concatenate(indexes)
        self._file_of = np.repeat(np.arange(len(indexes)) - 1, [len(index) for index in indexes])
        places = {entry["key"]: place for place, entry in enumerate(self._entries)}
        self._places = np.array([places.get(key, -1) for key in self._keys])

    @property
    def missing(self):
        return self._places < 0

    def read(self, i):
        """Return the features (T, F) of utterance i in float32, or None if there are none here.

        They differ from the computed ones by 1/65534 of the largest at most; see `quantise`.
        """
        place = self._places[i]
        if place < 0 or not self._entries["frames"][place]:  # missing or unusable
            return None
        file = self._file_of[place]
        try:
            return read_features(self._map(self._paths[file]), self.F, self._entries[place])
        except (OSError, ValueError) as error:
            self._places[np.isin(self._places, np.flatnonzero(self._file_of == file))] = -1
            _discard(self._paths[file], error)
            return None

    def key(self, i):
        """Return the key of utterance i in a file, as bytes."""
        return self._keys[i]

    def path_of(self, indices):
        """Return the path of a file that holds these utterances and no others."""
        name = hashlib.blake2b(b"".join(self._keys[i] for i in indices), digest_size=8).hexdigest()
        return self.folder / f"{self._settings}-{name}.features"


def _identity(utterance):
    """Return what an entry is valid for: the recording as it is now, and the part of it."""
    try:
        status = os.stat(utterance.audio_filepath)
        version = [status.st_size, status.st_mtime_ns]
    except OSError:
        version = []  # reading the file reports the error
    return [identify(utterance), version, utterance.part]


def _hash(values):
    return hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()


def _discard(path, error):
    """Delete a damaged file, so that it is written again, and say so, once for all processes."""
    try:
        if isinstance(error, ValueError):
            path.unlink()
    except FileNotFoundError:
        return
    except OSError as refusal:
        error = f"{error}, and cannot be deleted: {refusal.strerror}"
    reason = getattr(error, "strerror", None) or error
    tqdm.write(
        f"warning: {path} is damaged or gone ({reason}); its features are computed again",
        file=sys.stderr,
    )
