"""Short overlapping frames of a waveform, each faded in and out by a window.

Paper, "Input": windows of 20 ms. Speech hardly changes within so short a time, so that each frame
can be described by its frequencies. Chapter 01 builds them.
"""

import functools

import numpy as np

from ds2np.audio.checks import check_axes
from ds2np.backend import get_array_module
from ds2np.errors import UserError, check_whole

# A window is c - (1 - c) cos(2 pi n / size); c decides how far it fades.
WINDOWS = {"hann": 0.5, "hamming": 0.54, "rectangular": 1.0}


@functools.cache
def make_window(name, size):
    """Return the weights that fade a frame of size samples in and out.

    Without fading, the abrupt edges of a frame spread over all frequencies (leakage). The windows
    are periodic, like the FFT: the next period starts where this one ends.

    Parameters
    ----------
    name : str
        "hann" fades to 0, "hamming" to 0.08, "rectangular" not at all; any other is a UserError.
    size : int

    Returns
    -------
    ndarray of float64 of shape (size,)
        In main memory, read-only.
    """
    check_whole("the size of a window", size)
    if name not in WINDOWS:
        raise UserError(f"unknown window {name!r}; choose one of {', '.join(WINDOWS)}")
    middle = WINDOWS[name]
    window = middle - (1 - middle) * np.cos(2 * np.pi * np.arange(size) / size)
    window.flags.writeable = False  # all callers share the cached array
    return window


def frame_sizes(sample_rate, window_ms, stride_ms):
    """Convert window and stride from milliseconds to samples.

    Raises UserError if the window would have fewer than two samples, or the stride none.
    """
    check_whole("the sampling rate", sample_rate)
    for name, value in ("window_ms", window_ms), ("stride_ms", stride_ms):
        if not 0 < value < np.inf:
            raise UserError(f"{name} is {value}; expected a number of milliseconds above 0")
    size, stride = round(sample_rate * window_ms / 1000), round(sample_rate * stride_ms / 1000)
    if size < 2 or stride < 1:
        raise UserError(
            f"a sampling rate of {sample_rate} Hz is too low for windows of {window_ms:g} ms "
            f"with a stride of {stride_ms:g} ms"
        )
    return size, stride


def count_frames(samples, size, stride):
    """Count the whole windows that fit into a signal; all three are in samples."""
    return max((samples - size) // stride + 1, 0)


def frame_forward(samples, size, stride):
    """Cut a waveform into frames.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
        Samples after the last whole frame are dropped.
    size, stride : int
        Length of a frame and step to the next one, in samples.

    Returns
    -------
    frames : ndarray of shape (T, size)
        A view of the samples, not a copy: do not write to it.
    cache : tuple

    Raises
    ------
    ValueError
        If there are fewer samples than one frame needs.
    """
    check_whole("the stride", stride)
    sliding = get_array_module(samples).lib.stride_tricks.sliding_window_view(samples, size)
    return sliding[::stride], (len(samples), stride)


def frame_backward(dout, cache):
    """Compute dsamples (samples,) of `frame_forward` from dout (T, size) by overlap-add.

    A sample gets the sum of the gradients of all frames that contain it. The first strides of the
    frames do not overlap, nor do the second ones, and so on: so the loop runs over the strides of
    one frame rather than over the frames.
    """
    count, stride = cache
    T, size = dout.shape
    parts = -(-size // stride)  # strides per frame; the last may be shorter
    rows = max(T + parts - 1, -(-count // stride))
    dsamples = get_array_module(dout).zeros((rows, stride), dout.dtype)
    for i in range(parts):
        part = dout[:, i * stride : (i + 1) * stride]  # (T, stride or less)
        dsamples[i : i + T, : part.shape[1]] += part
    return dsamples.reshape(-1)[:count]


def window_forward(frames, window, out=None):
    """Multiply frames (T, size) by a window (size,) from `make_window`; into ``out``, if given."""
    check_axes(frames, "T", "size")
    xp = get_array_module(frames)
    window = xp.asarray(window, dtype=(frames if out is None else out).dtype)
    return xp.multiply(frames, window, out=out), window


def window_backward(dout, cache):
    """Compute dframes (T, size) of `window_forward` from dout (T, size)."""
    return dout * cache
