"""One channel of a recording that is decoded block by block, and facts about all of them."""

import numpy as np

from ds2np.audio.resampling import Resampler


class Mix:
    """The average of the channels of a recording, resampled, for which any length fits into memory.

    Parameters
    ----------
    channels : int
    rate, new_rate : int
        In hertz.

    Attributes
    ----------
    frames : int
        Added so far, of the recording.
    not_finite : int
        Samples that are NaN or infinite.
    peak : float
        Largest magnitude of all channels.
    """

    def __init__(self, channels, rate, new_rate):
        self._resampler = Resampler(rate, new_rate)
        self.frames = self.not_finite = 0
        self.peak, self._low, self._high = 0.0, np.inf, -np.inf
        self._sums, self._squares = np.zeros((2, channels + 1))  # of each channel, of the average

    def add(self, block):
        """Add a block of shape (frames, channels), float32; return new samples of the average."""
        self.frames += len(block)
        finite = np.isfinite(block)
        self.not_finite += block.size - int(finite.sum())
        if self.not_finite or not len(block):
            return np.zeros(0, np.float32)  # it will be refused
        one = block.mean(axis=1) if block.shape[1] > 1 else block[:, 0]
        self.peak = max(self.peak, float(np.abs(block).max()))
        self._low, self._high = min(self._low, one.min()), max(self._high, one.max())
        if block.shape[1] > 1:
            for i, channel in enumerate((*block.T, one)):
                self._sums[i] += channel.sum(dtype=np.float64)
                self._squares[i] += np.square(channel, dtype=np.float64).sum()
        return self._resampler.push(one)

    def finish(self):
        """End the recording; return the rest of its samples."""
        return self._resampler.finish()

    @property
    def span(self):
        """Difference of the highest and the lowest sample of the average."""
        return float(self._high - self._low)

    @property
    def kept(self):
        """Power of the average over the average power of the channels, offsets apart."""
        n = max(self.frames, 1)
        variances = self._squares / n - (self._sums / n) ** 2
        power = variances[:-1].mean()
        return float(variances[-1] / power) if power > 0 else 1.0
