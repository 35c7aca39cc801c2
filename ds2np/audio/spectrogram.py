"""The network's input: the logarithm of a power spectrogram, and its way back to the waveform.

Paper, "Input": log-spectrograms of power-normalised clips, from windows of 20 ms.
"""

import functools

import numpy as np

from ds2np.backend import get_array_module, get_fft_module
from ds2np.errors import UserError

POWER_FLOOR = 1e-10  # added to the power before the logarithm: about -100 dB of full scale
VARIANCE_FLOOR = 1e-8  # a sound without any change is left at 0


@functools.cache
def hann_window(size):
    """Return the periodic Hann window, which fades a frame in and out.

    Parameters
    ----------
    size : int

    Returns
    -------
    ndarray of float64 of shape (size,)
    """
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    window.flags.writeable = False
    return window


def frame_sizes(sample_rate, window_ms, stride_ms):
    """Convert window and stride from milliseconds to samples."""
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


def log_spectrogram_forward(samples, size, stride):
    """Compute the log power of every window and frequency.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    size, stride : int
        Length of the window and of its step, in samples.

    Returns
    -------
    out : ndarray of shape (T, F)
        T whole windows, F = size // 2 + 1 frequencies; natural logarithm.
    cache : tuple
        For `log_spectrogram_backward`.
    """
    xp = get_array_module(samples)
    frames = xp.lib.stride_tricks.sliding_window_view(samples, size)[::stride]  # (T, size)
    window = xp.asarray(hann_window(size).astype(samples.dtype))
    spectrum = get_fft_module(samples).rfft(frames * window)  # (T, F), complex
    scale = samples.dtype.type(1 / (window * window).sum())  # loudness, whatever the window
    power = (spectrum.real**2 + spectrum.imag**2) * scale + samples.dtype.type(POWER_FLOOR)
    return xp.log(power), (spectrum, power, window, scale, len(samples), size, stride)


def log_spectrogram_backward(dout, cache):
    """Compute the gradient of `log_spectrogram_forward` down to the waveform.

    Parameters
    ----------
    dout : ndarray of shape (T, F)
    cache : tuple

    Returns
    -------
    dsamples : ndarray of shape (samples,)
    """
    spectrum, power, window, scale, count, size, stride = cache
    xp = get_array_module(dout)
    dspectrum = 2 * scale * dout / power * spectrum  # d/d(real) + i d/d(imaginary)
    # The transpose of the FFT. irfft counts the frequencies between the ends twice, as mirror
    # images; the half spectrum has each of them once.
    dspectrum[:, 1 : (size + 1) // 2] *= 0.5
    dframes = get_fft_module(dout).irfft(dspectrum, n=size) * (size * window)
    dsamples = xp.zeros(count, dframes.dtype)
    for t, dframe in enumerate(dframes):  # windows overlap: their gradients add up
        dsamples[t * stride : t * stride + size] += dframe
    return dsamples


def log_spectrogram(samples, sample_rate, window_ms=20, stride_ms=10):
    """Show how much power a sound has at each time and frequency.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    sample_rate : int
        In hertz.
    window_ms, stride_ms : float
        Length of a window and step to the next one, in milliseconds.

    Returns
    -------
    ndarray of shape (T, F)
        Natural logarithm of the power in T windows at F frequencies, evenly from 0 to half the
        sampling rate.

    Raises
    ------
    UserError
        If the sound is shorter than one window.
    """
    size, stride = frame_sizes(sample_rate, window_ms, stride_ms)
    if len(samples) < size:
        raise UserError(
            f"the sound lasts {1000 * len(samples) / sample_rate:.1f} ms; "
            f"one window of {window_ms:g} ms is the least"
        )
    return log_spectrogram_forward(samples, size, stride)[0]


def normalise_forward(x):
    """Take the mean of each frequency out of one utterance, and bring all of it to variance 1.

    What stays the same through an utterance says nothing about its words: how loud the recording
    is, and how voice and microphone colour the sound.

    Parameters
    ----------
    x : ndarray of shape (T, F)

    Returns
    -------
    out : ndarray of shape (T, F)
    cache : tuple
        For `normalise_backward`.
    """
    centred = x - x.mean(axis=0)
    variance = (centred * centred).mean() + x.dtype.type(VARIANCE_FLOOR)
    inverse_std = 1 / get_array_module(x).sqrt(variance)
    out = centred * inverse_std
    return out, (out, inverse_std)


def normalise_backward(dout, cache):
    """Compute the gradient of `normalise_forward`.

    Parameters
    ----------
    dout : ndarray of shape (T, F)
    cache : tuple

    Returns
    -------
    dx : ndarray of shape (T, F)
    """
    out, inverse_std = cache
    dcentred = (dout - out * (dout * out).mean()) * inverse_std
    return dcentred - dcentred.mean(axis=0)


def normalise(x):
    """Make utterances of all voices and microphones alike; see `normalise_forward`."""
    return normalise_forward(x)[0]
