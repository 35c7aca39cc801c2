"""Recordings of a data set in which a network will hardly recognise speech."""

import sys
import threading
from collections import defaultdict

from tqdm import tqdm

from ds2np.audio.suspect import describe_suspect


class Suspects:
    """Names the first suspect recording of each kind, and counts the others.

    Parameters
    ----------
    sample_rate : int
        Of the network, in hertz.
    """

    def __init__(self, sample_rate):
        self._sample_rate, self._found = sample_rate, defaultdict(set)
        self._lock = threading.Lock()  # recordings are read by several threads

    def notice(self, i, name, sound):
        """Look at the `Sound` of utterance i; print a warning if it is the first of its kind."""
        for kind, sentence in describe_suspect(name, sound, self._sample_rate).items():
            with self._lock:
                if not self._found[kind]:
                    tqdm.write(f"warning: {sentence}", file=sys.stderr)
                self._found[kind].add(i)

    def summarise(self):
        """Print how many recordings of each kind there were, if several."""
        for kind, found in self._found.items():
            if len(found) > 1:
                print(f"warning: {len(found):,} recordings {kind}", file=sys.stderr)
