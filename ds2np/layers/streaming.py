"""Utterances that come in pieces: which frames a window over time still waits for."""

from dataclasses import dataclass

import numpy as np

from ds2np.backend import get_array_module


@dataclass(frozen=True)
class TimeWindow:
    """A window that slides over time, fed piece by piece.

    Attributes
    ----------
    kernel, stride : int
        Size of the window and its step, in frames.
    before, after : int
        Zeros that stand before the first and behind the last frame.
    time_axis : int
        The axis of the input that counts frames.
    """

    kernel: int
    stride: int
    before: int
    after: int
    time_axis: int = 1

    def push(self, x, rest, last):
        """Add a piece to what is waiting, and split off all that whole windows can use.

        Parameters
        ----------
        x : ndarray
            The next frames.
        rest : ndarray or None
            What the piece before left; None before the first one.
        last : bool
            Whether the zeros behind the end are to follow.

        Returns
        -------
        frames : ndarray
            Those of all windows that are complete now.
        rest : ndarray
            Those that later windows need, too.
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
        if not last:  # a step wider than the window: the next one has to begin within the rest
            windows = min(windows, frames.shape[self.time_axis] // self.stride)
        used = windows * self.stride
        whole = (windows - 1) * self.stride + self.kernel if windows else 0
        axes = np.arange(frames.ndim)
        ready = tuple(slice(whole) if a == self.time_axis else slice(None) for a in axes)
        kept = tuple(slice(used, None) if a == self.time_axis else slice(None) for a in axes)
        return frames[ready], frames[kept]
