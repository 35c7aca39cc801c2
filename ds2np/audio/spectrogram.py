"""Log spectrograms, the network's input, and their gradient down to the waveform.

Paper, "Input": log-spectrograms of power-normalised clips, from windows of 20 ms. This file
combines the steps of frames.py, stft.py and mel.py. Chapter 01 derives them.
"""

from functools import partial

import numpy as np

from ds2np.audio.checks import check_samples
from ds2np.audio.frames import (
    count_frames,
    frame_backward,
    frame_forward,
    frame_sizes,
    make_window,
    window_forward,
)
from ds2np.audio.level import (
    clip_power_backward,
    clip_power_forward,
    power_normalise_backward,
    power_normalise_forward,
    running_power_backward,
    running_power_forward,
)
from ds2np.audio.mel import mel_backward, mel_filters, mel_forward
from ds2np.audio.stft import (
    POWER_FLOOR,
    log_backward,
    log_forward,
    power_backward,
    power_forward,
    rfft_forward,
    stft_backward,
    stft_forward,
)
from ds2np.backend import get_array_module, is_on_gpu
from ds2np.errors import UserError
from ds2np.machine import map_in_threads, spare_threads

# Frames per block: many enough for the time of Python's calls, and few enough for the cache.
BLOCK = 512


def unit_window(name, size):
    """Return the window (size,) of `make_window`, scaled so that white noise keeps its power."""
    weights = make_window(name, size)
    return weights / (weights * weights).sum() ** 0.5


def log_spectrogram_forward(samples, size, stride, window="hann", filters=None, level=None):
    """Compute the log power of every window and frequency.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    size, stride : int
        Length of the window and of its step, in samples.
    window : str
        A window name; see `make_window`.
    filters : ndarray of shape (mels, F), optional
        From `mel_filters`, for mel bands.
    level : ndarray of shape (T,), optional
        Power to which that of each window is relative; see level.py. If omitted, full scale, with
        the floor `POWER_FLOOR`.

    Returns
    -------
    out : ndarray of shape (T, F) or (T, mels)
        T whole windows, F = size // 2 + 1 frequencies; natural logarithm.
    cache : tuple

    Raises
    ------
    ValueError
        If there are fewer samples than one window needs.
    """
    spectrum, stft_cache = stft_forward(samples, unit_window(window, size), stride)
    power, power_cache = power_forward(spectrum)
    level_cache = mel_cache = None
    if level is not None:
        power, level_cache = power_normalise_forward(power, level)
    if filters is not None:
        power, mel_cache = mel_forward(power, filters)  # (T, mels)
    out, log_cache = log_forward(power, POWER_FLOOR if level is None else 0)
    return out, (stft_cache, power_cache, level_cache, mel_cache, log_cache)


def log_spectrogram_backward(dout, cache):
    """Compute dsamples (samples,) of `log_spectrogram_forward` from dout (T, F) or (T, mels).

    With a level, the result is dsamples and dlevel (T,).
    """
    stft_cache, power_cache, level_cache, mel_cache, log_cache = cache
    dpower = log_backward(dout, log_cache)
    if mel_cache is not None:
        dpower = mel_backward(dpower, mel_cache)  # (T, F)
    if level_cache is not None:
        dpower, dlevel = power_normalise_backward(dpower, level_cache)
    dsamples = stft_backward(power_backward(dpower, power_cache), stft_cache)
    return dsamples if level_cache is None else (dsamples, dlevel)


def clip_spectrogram_forward(samples, size, stride, window="hann", filters=None, running=False):
    """Compute the log spectrogram of a power-normalised clip, for parameters see above.

    With `running`, each window is relative to the clip so far, else to the whole clip.
    """
    frames, frame_cache = frame_forward(samples, size, stride)
    if running:
        (level,), power_cache, _ = running_power_forward(frames[None])
    else:
        level, power_cache = clip_power_forward(frames)
    out, cache = log_spectrogram_forward(samples, size, stride, window, filters, level)
    return out, (frame_cache, power_cache, cache, running)


def clip_spectrogram_backward(dout, cache):
    """Compute dsamples (samples,) of `clip_spectrogram_forward` from dout (T, F) or (T, mels)."""
    frame_cache, power_cache, cache, running = cache
    dsamples, dlevel = log_spectrogram_backward(dout, cache)
    if running:
        (dframes,) = running_power_backward(dlevel[None], power_cache)
    else:
        dframes = clip_power_backward(dlevel, power_cache)
    return dsamples + frame_backward(dframes, frame_cache)


def log_spectrogram(
    samples, sample_rate, window_ms=20, stride_ms=10, window="hann", mels=None, level=None
):
    """Compute the log power of a sound at each time and frequency.

    It is relative to full scale, with a floor 100 dB below, so that it depends on how loud the
    recording is. What a network reads does not; see `Features`.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    sample_rate : int
        In hertz.
    window_ms, stride_ms : float
        Length of a window and step to the next one, in milliseconds.
    window : str
        A window name; see `make_window`.
    mels : int, optional
        Number of mel bands; no bands if omitted.
    level : ndarray of shape (T,), optional
        See `log_spectrogram_forward`; of the precision in which to compute.

    Returns
    -------
    ndarray of shape (T, F) or (T, mels), of the dtype of samples
        Natural logarithm of the power in T windows at F frequencies, evenly spaced from 0 to half
        the sampling rate.

    Raises
    ------
    UserError
        If the sound is shorter than one window, the window's name is unknown, or there are too many
        mel bands for the frequencies.
    ValueError
        If the samples are not floats of shape (samples,), or another argument is impossible.
    """
    check_samples(samples)
    size, stride = frame_sizes(sample_rate, window_ms, stride_ms)
    frames = count_frames(len(samples), size, stride)
    if not frames:
        raise UserError(
            f"the sound lasts {1000 * len(samples) / sample_rate:.1f} ms; "
            f"expected at least one window of {window_ms:g} ms"
        )
    filters = None if mels is None else mel_filters(sample_rate, size, mels)

    out = get_array_module(samples).empty((frames, mels or size // 2 + 1), samples.dtype)
    arguments = out, samples, unit_window(window, size), stride, filters, level
    threads = 1 if is_on_gpu(samples) else min(spare_threads(), -(-frames // BLOCK))
    cuts = np.linspace(0, frames, threads + 1, dtype=int)
    map_in_threads("spectrogram", threads, partial(fill_part, *arguments), cuts[:-1], cuts[1:])
    return out


def fill_part(out, samples, window, stride, filters, level, start, stop):
    """Write frames start to stop of `log_spectrogram_forward` into out (T, F) or (T, mels).

    On a CPU in blocks: they use the same arrays in turn, which stay in the cache of a core.
    """
    xp, size, dtype = get_array_module(out), len(window), (out if level is None else level).dtype
    frames, _ = frame_forward(samples, size, stride)
    rows = stop - start if is_on_gpu(out) else min(BLOCK, stop - start)
    faded, power = xp.empty((rows, size), dtype), xp.empty((rows, size // 2 + 1), dtype)
    for first in range(start, stop, rows):
        part = slice(first, min(first + rows, stop))
        count = part.stop - part.start
        window_forward(frames[part], window, faded[:count])
        spectrum, _ = rfft_forward(faded[:count])
        of_part, _ = power_forward(spectrum, power[:count])
        if level is not None:
            power_normalise_forward(of_part, level[part], out=of_part)
        if filters is not None:
            of_part, _ = mel_forward(of_part, filters)
        if level is None:
            of_part += POWER_FLOOR
        xp.log(of_part, out=out[part])
