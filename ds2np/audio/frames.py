"""Cut a waveform into short overlapping frames, and fade each of them in and out.

Paper, "Input": windows of 20 ms. Speech changes all the time, but hardly within so short a while:
that is what makes it possible to speak of the frequencies of one frame.
"""

import functools

import numpy as np

from ds2np.backend import get_array_module
from ds2np.errors import UserError

# A window is c - (1 - c) cos(2 pi n / size): how far it fades depends on c alone.
WINDOWS = {"hann": 0.5, "hamming": 0.54, "rectangular": 1.0}


@functools.cache
def make_window(name, size):
    """Return the weights that fade a frame in and out.

    A frame cut out hard has edges that were not in the sound, and they spread over all frequencies.
    The windows are periodic: the next period starts where this one ends, as the FFT has it.

    Parameters
    ----------
    name : str
        "hann" fades to 0, "hamming" to 0.08, "rectangular" not at all.
    size : int
        In samples.

    Returns
    -------
    ndarray of float64 of shape (size,)
        In main memory, read-only.

    Raises
    ------
    UserError
        If there is no window of that name.
    """
    if name not in WINDOWS:
        raise UserError(f"there is no window {name!r}; choose one of {', '.join(WINDOWS)}")
    middle = WINDOWS[name]
    window = middle - (1 - middle) * np.cos(2 * np.pi * np.arange(size) / size)
    window.flags.writeable = False  # everyone who asks gets the same array
    return window


def frame_sizes(sample_rate, window_ms, stride_ms):
    """Convert window and stride from milliseconds to samples.

    Parameters
    ----------
    sample_rate : int
        In hertz.
    window_ms, stride_ms : float

    Returns
    -------
    size, stride : int

    Raises
    ------
    UserError
        If a window would have fewer than two samples, or a stride none.
    """
    size, stride = round(sample_rate * window_ms / 1000), round(sample_rate * stride_ms / 1000)
    if size < 2 or stride < 1:
        raise UserError(
            f"a sampling rate of {sample_rate} Hz is too low for windows of {window_ms:g} ms, one "
            f"every {stride_ms:g} ms"
        )
    return size, stride


def count_frames(samples, size, stride):
    """Count the whole windows that fit into a signal.

    Parameters
    ----------
    samples : int
        Length of the signal.
    size, stride : int
        Length of the window and of its step, in samples.

    Returns
    -------
    int
    """
    return max((samples - size) // stride + 1, 0)


def frame_forward(samples, size, stride):
    """Cut a waveform into frames.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
        Samples after the last whole frame are left out.
    size, stride : int
        Length of a frame and of the step to the next one, in samples.

    Returns
    -------
    frames : ndarray of shape (T, size)
        A view of the samples, not a copy: do not write to it.
    cache : tuple
        For `frame_backward`.

    Raises
    ------
    ValueError
        If there are fewer samples than one frame has.
    """
    sliding = get_array_module(samples).lib.stride_tricks.sliding_window_view(samples, size)
    return sliding[::stride], (len(samples), stride)


def frame_backward(dout, cache):
    """Compute the gradient of `frame_forward`: overlap and add.

    A sample that lies in several frames gets the sum of their gradients. Frames are added a stride
    at a time: the first strides of all frames do not overlap, nor do the second ones, and so on, so
    that the loop runs over the strides of one frame instead of over the frames.

    Parameters
    ----------
    dout : ndarray of shape (T, size)
    cache : tuple

    Returns
    -------
    dsamples : ndarray of shape (samples,)
    """
    count, stride = cache
    T, size = dout.shape
    parts = -(-size // stride)  # strides of one frame, the last perhaps cut short
    rows = max(T + parts - 1, -(-count // stride))
    dsamples = get_array_module(dout).zeros((rows, stride), dout.dtype)
    for i in range(parts):
        part = dout[:, i * stride : (i + 1) * stride]  # (T, stride), or less
        dsamples[i : i + T, : part.shape[1]] += part
    return dsamples.reshape(-1)[:count]


def window_forward(frames, window):
    """Fade each frame in and out.

    Parameters
    ----------
    frames : ndarray of shape (T, size)
    window : ndarray of shape (size,)
        From `make_window`.

    Returns
    -------
    out : ndarray of shape (T, size)
    cache : ndarray of shape (size,)
        For `window_backward`.
    """
    window = get_array_module(frames).asarray(window, dtype=frames.dtype)
    return frames * window, window


def window_backward(dout, cache):
    """Compute the gradient of `window_forward`.

    Parameters
    ----------
    dout : ndarray of shape (T, size)
    cache : ndarray of shape (size,)

    Returns
    -------
    dframes : ndarray of shape (T, size)
    """
    return dout * cache
