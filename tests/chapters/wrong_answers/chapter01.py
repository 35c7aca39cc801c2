"""Plausible mistakes in the exercises of chapter 01."""

import numpy as np

from ds2np.audio.mel import hertz_to_mel, mel_to_hertz


def _cut(samples, size, stride):
    return np.array([samples[s : s + size] for s in range(0, len(samples) - size + 1, stride)])


def _power(spectrum):
    return np.abs(spectrum) ** 2


def _forget_the_window(samples, window, stride):
    return _power(np.fft.rfft(_cut(samples, len(window), stride)))


def _forget_to_square(samples, window, stride):
    return np.abs(np.fft.rfft(_cut(samples, len(window), stride) * window))


def _square_without_size(samples, window, stride):
    return np.fft.rfft(_cut(samples, len(window), stride) * window) ** 2


def _keep_the_mirror(samples, window, stride):
    return _power(np.fft.fft(_cut(samples, len(window), stride) * window))


def _lose_the_last_frequency(samples, window, stride):
    power = _power(np.fft.rfft(_cut(samples, len(window), stride) * window))
    return power[:, : len(window) // 2]


def _lose_the_last_frame(samples, window, stride):
    size = len(window)
    frames = [samples[s : s + size] for s in range(0, len(samples) - size, stride)]
    return _power(np.fft.rfft(np.array(frames).reshape(-1, size) * window))


def _mel(sample_rate, size, mels, spread=None, height=None):
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = mel_to_hertz(np.linspace(0, hertz_to_mel(sample_rate / 2), mels + 2))
    if spread:
        edges = spread(sample_rate, mels)
    filters = [np.interp(hertz, edges[m : m + 3], [0, 1, 0]) for m in range(mels)]
    if height is None:
        filters = [f * 2 / (edges[m + 2] - edges[m]) for m, f in enumerate(filters)]
    return np.array(filters)


def _even_in_hertz(sample_rate, mels):
    return np.linspace(0, sample_rate / 2, mels + 2)


def _up_to_the_rate(sample_rate, mels):
    return mel_to_hertz(np.linspace(0, hertz_to_mel(sample_rate), mels + 2))


def _mel_without_max(sample_rate, size, mels):
    hertz = np.fft.rfftfreq(size, 1 / sample_rate)
    edges = mel_to_hertz(np.linspace(0, hertz_to_mel(sample_rate / 2), mels + 2))[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((hertz - left) / (centre - left), (right - hertz) / (right - centre))
    return triangles * 2 / (right - left)


def _overwrite(dframes, count, stride):
    dsamples = np.zeros(count)
    for t, dframe in enumerate(dframes):
        dsamples[t * stride : t * stride + len(dframe)] = dframe
    return dsamples


def _average(dframes, count, stride):
    dsamples, weight = np.zeros(count), np.zeros(count)
    for t, dframe in enumerate(dframes):
        dsamples[t * stride : t * stride + len(dframe)] += dframe
        weight[t * stride : t * stride + len(dframe)] += 1
    return dsamples / np.maximum(weight, 1)


def _end_with_the_last_frame(dframes, count, stride):
    T, size = dframes.shape
    dsamples = np.zeros((T - 1) * stride + size)
    for t, dframe in enumerate(dframes):
        dsamples[t * stride : t * stride + size] += dframe
    return dsamples


def _two_frames_at_most(dframes, count, stride):
    dsamples = np.zeros(count)
    for t, dframe in enumerate(dframes):
        new = dframe[: 2 * stride]
        dsamples[t * stride : t * stride + len(new)] += new
    return dsamples


WRONG = {
    "01.1": {
        "no window": _forget_the_window,
        "size, not its square": _forget_to_square,
        "squared as a complex number": _square_without_size,
        "all frequencies, mirror images too": _keep_the_mirror,
        "the highest frequency is missing": _lose_the_last_frequency,
        "the last frame is missing": _lose_the_last_frame,
    },
    "01.2": {
        "edges even in hertz": lambda r, s, m: _mel(r, s, m, spread=_even_in_hertz),
        "up to the sampling rate, not half of it": lambda r, s, m: _mel(
            r, s, m, spread=_up_to_the_rate
        ),
        "height 1, not area 1": lambda r, s, m: _mel(r, s, m, height=1),
        "below zero beside the triangles": _mel_without_max,
    },
    "01.3": {
        "written over, not added": _overwrite,
        "averaged": _average,
        "as long as the frames reach": _end_with_the_last_frame,
        "no sample in more than two frames": _two_frames_at_most,
    },
    "01.4": {
        "no factor 2": lambda d, X, e: d * X / (np.abs(X) ** 2 + e),
        "the floor is forgotten": lambda d, X, e: 2 * d * X / np.abs(X) ** 2,
        "the conjugate": lambda d, X, e: 2 * d * X.conj() / (np.abs(X) ** 2 + e),
        "the size of X": lambda d, X, e: 2 * d * np.abs(X) / (np.abs(X) ** 2 + e),
        "nothing comes back": lambda d, X, e: None,
    },
}
