"""Streaming: the frames that a window over time still needs when an utterance comes in chunks."""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import get_array_module


@dataclass(frozen=True)
class TimeWindow:
    """Sliding window over a stream of chunks; all sizes are in frames.

    `before` and `after` are the zeros of the padding at the beginning and at the end.
    """

    kernel: int
    stride: int
    before: int
    after: int
    time_axis: int = 1

    def push(self, x, rest, last):
        """Append the chunk x to the frames kept from the chunk before it.

        Parameters
        ----------
        rest : ndarray or None
            The frames kept so far; None before the first chunk.
        last : bool
            Whether this is the last chunk, so that the padding at the end follows.

        Returns
        -------
        frames : ndarray
            The frames covered by all windows that are now complete.
        rest : ndarray
            The frames to keep for later windows.
        """
        xp = get_array_module(x)
        shape = list(x.shape)
        shape[self.time_axis] = self.before
        parts = [xp.zeros(shape, x.dtype) if rest is None else rest, x]
        if last:
            shape[self.time_axis] = self.after
            parts.append(xp.zeros(shape, x.dtype))
        frames = xp.concatenate(parts, axis=self.time_axis)
        windows = max((frames.shape[self.time_axis] - self.kernel) // self.stride + 1, 0)
        if not last:  # with stride > kernel, the next window must begin within the rest
            windows = min(windows, frames.shape[self.time_axis] // self.stride)
        used = windows * self.stride
        whole = (windows - 1) * self.stride + self.kernel if windows else 0
        axes = np.arange(frames.ndim)
        ready = tuple(slice(whole) if a == self.time_axis else slice(None) for a in axes)
        kept = tuple(slice(used, None) if a == self.time_axis else slice(None) for a in axes)
        return frames[ready], frames[kept]
