"""Solutions of chapter 01, sound to spectrogram."""

import numpy as np


def power_spectrum(samples, window, stride):
    """Power (T, F) of each windowed frame of samples (count,) at each frequency."""
    size = len(window)
    starts = range(0, len(samples) - size + 1, stride)
    frames = np.array([samples[start : start + size] for start in starts])  # (T, size)
    spectrum = np.fft.rfft(frames * window)  # (T, F), complex
    return spectrum.real**2 + spectrum.imag**2


def mel_filters(sample_rate, size, mels):
    """Weights (mels, F) with which each frequency counts in each mel band."""
    from ds2np.audio.mel import hertz_to_mel, mel_to_hertz

    hertz = np.arange(size // 2 + 1) * sample_rate / size  # (F,)
    edges = mel_to_hertz(np.linspace(0, hertz_to_mel(sample_rate / 2), mels + 2))
    filters = np.zeros((mels, len(hertz)))
    for m in range(mels):
        left, centre, right = edges[m : m + 3]
        rising, falling = (hertz - left) / (centre - left), (right - hertz) / (right - centre)
        height = 2 / (right - left)  # of a triangle of area 1
        filters[m] = height * np.maximum(0, np.minimum(rising, falling))
    return filters


def overlap_add(dframes, count, stride):
    """Gradient (count,) of the samples from the gradient (T, size) of their frames."""
    T, size = dframes.shape
    dsamples = np.zeros(count)
    for t in range(T):
        dsamples[t * stride : t * stride + size] += dframes[t]
    return dsamples


def log_power_backward(dout, spectrum, floor):
    """Gradient (T, F), dL/dRe + i dL/dIm, of log(|spectrum|^2 + floor), upstream dout (T, F)."""
    power = spectrum.real**2 + spectrum.imag**2
    return dout * 2 * spectrum / (power + floor)
