"""Streaming: what is kept of an utterance that comes in chunks, from one chunk to the next.

A state is None, an array, or a tuple or dict of states; the first axis of each array is that of the
utterances. So the states of several streams can be joined to a minibatch, and split again.
"""

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


def describe_state(state):
    """Return the shapes of one utterance's state: streams of equal ones fit into a minibatch."""
    if state is None:
        return None
    if isinstance(state, dict):
        return tuple(map(describe_state, state.values()))
    if isinstance(state, tuple):
        return tuple(map(describe_state, state))
    return state.shape[1:]


def join_states(states):
    """Join the states of several streams to that of a minibatch."""
    first = states[0]
    if first is None:
        return None
    if isinstance(first, dict):
        return {name: join_states([state[name] for state in states]) for name in first}
    if isinstance(first, tuple):
        return tuple(map(join_states, map(list, zip(*states, strict=True))))
    return get_array_module(first).concatenate(states)


def split_state(state, N):
    """Split the state of a minibatch into those of its N utterances, one each."""
    if state is None:
        return [None] * N
    if isinstance(state, dict):
        parts = [split_state(each, N) for each in state.values()]
        return [dict(zip(state, part, strict=True)) for part in zip(*parts, strict=True)]
    if isinstance(state, tuple):
        return list(zip(*(split_state(each, N) for each in state), strict=True))
    return [state[n : n + 1] for n in range(N)]
