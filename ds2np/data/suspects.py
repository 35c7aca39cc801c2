"""Recordings of a data set in which a network will hardly recognise speech."""

import sys
import threading
from collections import defaultdict

from tqdm import tqdm


class Suspects:
    """Names the first suspect recording of each kind, and counts the others."""

    def __init__(self):
        self._found = defaultdict(set)
        self._lock = threading.Lock()  # recordings are read by several threads

    def notice(self, i, warnings):
        """Count what is suspect about utterance i; print it if it is the first of its kind.

        warnings: from `describe_suspect`.
        """
        for kind, sentence in warnings.items():
            with self._lock:
                if not self._found[kind]:
                    tqdm.write(f"warning: {sentence}", file=sys.stderr)
                self._found[kind].add(i)

    def summarise(self):
        """Print how many recordings of each kind there were, if several."""
        for kind, found in self._found.items():
            if len(found) > 1:
                print(f"warning: {len(found):,} recordings {kind}", file=sys.stderr)
