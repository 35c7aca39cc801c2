"""The sound of a stream at the network's rate, of which the latest part can be read again."""

import numpy as np

from ds2np.audio.resampling import Resampler


class SoundBuffer:
    """Samples by their place in the stream, resampled as they come.

    Parameters
    ----------
    rate, new_rate : int
        Of the chunks that come and of the samples that are read, in hertz.

    Attributes
    ----------
    end : int
        Samples of the stream so far.
    closed : bool
        Whether no more will come.
    """

    def __init__(self, rate, new_rate):
        self._resampler = Resampler(rate, new_rate)
        self._samples, self._first = np.zeros(0, np.float32), 0
        self.closed = False

    @property
    def end(self):
        return self._first + len(self._samples)

    def push(self, samples):
        """Add a chunk (n,) of float at the old rate."""
        if self.closed:
            raise RuntimeError("the stream has ended; begin another one")
        self._add(self._resampler.push(np.asarray(samples, np.float32)))

    def finish(self):
        """End the stream."""
        if not self.closed:
            self._add(self._resampler.finish())
            self.closed = True

    def _add(self, samples):
        self._samples = np.concatenate([self._samples, samples])

    def read(self, begin, end):
        """Return the samples from one place in the stream to another."""
        return self._samples[begin - self._first : end - self._first]

    def forget(self, before):
        """Drop the samples before a place: they will not be read again."""
        count = max(before - self._first, 0)
        self._samples, self._first = self._samples[count:].copy(), self._first + count
