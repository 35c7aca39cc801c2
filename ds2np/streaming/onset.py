"""Where somebody begins to speak: where the sound is clearly louder than what was before.

A network learns utterances that begin with speech. In a stream it may be quiet for minutes: that
would only blur the statistics of what comes after it, and needs no arithmetic.
"""

from collections import deque

import numpy as np

BACKGROUND = 1e-6  # power that is assumed at first, -60 dB of full scale
LEAST = 1e-8  # power of the softest speech, -80 dB
RISE = 10**0.03  # factor by which the background may grow in a tenth of a second: 3 dB a second
SMOOTH = 3  # hops over which the power is averaged


class OnsetFinder:
    """Looks for the first hop that is louder than the background.

    The background is the least power so far; it falls at once and rises slowly. As it begins at
    -60 dB of full scale, speech at the beginning of a stream is found at once, unless it is very
    soft.

    Parameters
    ----------
    hop_seconds : float
    decibels : float
        By how much speech is louder.
    """

    def __init__(self, hop_seconds, decibels):
        self._factor, self._rise = 10 ** (decibels / 10), RISE ** (10 * hop_seconds)
        self._background, self._powers = BACKGROUND, deque(maxlen=SMOOTH)

    def find(self, hops):
        """Return the number of the first loud one of some hops (n, samples), or n if none is."""
        for i, power in enumerate(np.square(hops, dtype=np.float64).mean(axis=1).tolist()):
            self._powers.append(power)
            power = sum(self._powers) / len(self._powers)
            if power > max(self._factor * self._background, LEAST):
                self._powers.clear()  # the next search begins elsewhere
                return i
            self._background = min(self._background * self._rise, power)
        return len(hops)
