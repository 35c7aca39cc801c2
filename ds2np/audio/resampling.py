"""Changing the sampling rate of a signal, as a whole or in chunks.

The new samples lie between the old ones, where a low-pass filter interpolates: a new sample at time
t, in samples of the source, is the sum over n of h(t - n) x_n. The filter h also removes what the
lower of the two rates cannot represent, which would come back as other frequencies (aliases).
Relative to half the lower rate, it keeps frequencies up to 0.9 within 0.01 dB, and weakens those
above 1, which are all that alias, by 100 dB.

For rates in the ratio up / down, the weights h(t - n) recur after `up` new samples, so that a block
of new samples is a block of old ones times a matrix.
"""

import functools
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ds2np.audio.checks import check_samples
from ds2np.errors import check_whole

# The filter reaches this many samples of the lower rate to either side. With the window's beta, it
# falls by 100 dB from 0.9 to 1 (Kaiser's formulas).
REACH = 64
BETA = 10.06

# Where the matrix would be larger, as for 44101 to 16000 Hz, h is interpolated in a table with this
# many steps from one sample of the lower rate to the next: an error of -110 dB.
LARGEST = 2**21
STEPS = 512


def resample(samples, rate, new_rate):
    """Change the sampling rate of a signal, with an anti-aliasing filter.

    Both rates are in hertz. N samples become ceil(N * new_rate / rate), of the same dtype. New
    sample k stands at the time of old sample k * rate / new_rate: there is no delay. Before and
    after the signal, silence is assumed.
    """
    resampler = Resampler(rate, new_rate)
    return np.concatenate([resampler.push(samples), resampler.finish()])


def find_source(first, count, rate, new_rate):
    """Find the samples on which a part of a resampled signal depends.

    ``resample(samples[begin:end], rate, new_rate)[skip : skip + count]`` equals
    ``resample(samples, rate, new_rate)[first : first + count]``. A count of None, and an end of
    None, mean the rest of the signal.

    Returns
    -------
    begin, end, skip : int
    """
    up, down = _ratio(rate, new_rate)
    reach = _reach(up, down)
    begin = max(first * down // up - reach, 0) // down * down  # where both signals have a sample
    end = None if count is None else (first + count) * down // up + reach
    return begin, end, first - begin // down * up


class Resampler:
    """Change the sampling rate of a signal that comes in chunks.

    The chunks, of any size, give the samples of the whole signal, up to rounding.

    Parameters
    ----------
    rate, new_rate : int
        In hertz.

    Examples
    --------
    >>> resampler = Resampler(48000, 16000)
    >>> parts = [resampler.push(chunk) for chunk in chunks]
    >>> samples = np.concatenate([*parts, resampler.finish()])
    """

    def __init__(self, rate, new_rate):
        self._up, self._down = _ratio(rate, new_rate)
        self._kept = None  # old samples that the filter still needs
        self._place = 0  # of the next new sample in them, in 1 / up of an old one
        self._received = self._returned = 0

    def push(self, samples):
        """Add a chunk of samples and return the new samples that no later chunk can change."""
        check_samples(samples)
        self._received += len(samples)
        return self._advance(samples)

    def finish(self):
        """End the signal and return the rest of the new samples."""
        count = -(-self._received * self._up // self._down) - self._returned
        dtype = np.float32 if self._kept is None else self._kept.dtype
        silence = 2 * _reach(self._up, self._down) + self._down
        return self._advance(np.zeros(silence, dtype))[:count]

    def _advance(self, samples):
        up, down, dtype = self._up, self._down, samples.dtype.type
        if up == down:
            out, self._kept = samples.copy(), samples[:0]
        else:
            before = np.zeros(_reach(up, down), dtype) if self._kept is None else self._kept
            x = np.concatenate([before, samples])
            matrix = _make_matrix(up, down, dtype)
            if matrix is not None:
                out, used = _multiply(x, matrix, matrix.shape[1] // up * down)
            else:
                out, used, self._place = _interpolate(x, up, down, self._place)
            self._kept = x[used:].copy()
        self._returned += len(out)
        return out


def _ratio(rate, new_rate):
    check_whole("the sampling rate", rate)
    check_whole("the new sampling rate", new_rate)
    divisor = gcd(rate, new_rate)
    return int(new_rate) // divisor, int(rate) // divisor


def _reach(up, down):
    """Return how many old samples to either side a new one depends on."""
    return 0 if up == down else ceil(REACH * max(1, down / up)) + 1


def _design(steps, lower):
    """Design the filter h, with `steps` values from one old sample to the next.

    ``lower`` is the length of a sample of the lower rate in old samples. The middle value is h(0).
    """
    from scipy.signal import firwin

    scale = steps * lower
    half = int(REACH * scale)
    return steps * firwin(2 * half + 1, 0.95 / scale, window=("kaiser", BETA))


@functools.lru_cache(16)
def _make_matrix(up, down, dtype):
    """Return the matrix (old samples, new samples) of a block, or None if it would be too large.

    Several periods of the weights make a block, so that few old samples belong to two blocks.
    """
    blocks, reach = max(1, REACH // min(up, down)), _reach(up, down)
    new = blocks * up
    old = 2 * reach + 1 + (new - 1) * down // up
    if old * new > LARGEST:
        return None
    h = _design(up, max(1, down / up)).astype(dtype)
    h = np.pad(h, old * up + new * down)
    first = len(h) // 2 + reach * up  # new sample 0 stands at old sample `reach`
    rows = sliding_window_view(h, (new - 1) * down + 1)[first::-up, ::down]
    return rows[:old].copy()  # W[n, k] = h(reach + k down / up - n)


def _multiply(x, matrix, hop):
    """Return the new samples of all whole blocks, and how many old samples they used up."""
    if len(x) < len(matrix):
        return np.zeros(0, x.dtype), 0
    blocks = sliding_window_view(x, len(matrix))[::hop]
    out = np.empty((len(blocks), matrix.shape[1]), x.dtype)
    some = max(1, 2**20 // len(matrix))  # overlapping blocks are copied: some at a time
    for i in range(0, len(blocks), some):
        np.matmul(blocks[i : i + some], matrix, out=out[i : i + some])
    return out.reshape(-1), len(blocks) * hop


@functools.lru_cache(16)
def _make_table(up, down, dtype):
    """Return h as (steps + 1, 2 reach + 1): row i for a new sample i / steps after an old one."""
    lower, reach = max(1, down / up), _reach(up, down)
    steps = ceil(STEPS / lower)
    h = _design(steps, lower)
    h = np.pad(h, (2 * reach + 2) * steps)
    first = len(h) // 2 + reach * steps
    return sliding_window_view(h, steps + 1)[first::-steps][: 2 * reach + 1].T.astype(dtype)


def _interpolate(x, up, down, place):
    """Return all new samples, how many old samples they used up, and the place of the next one.

    The weights of a place between two rows of the table are interpolated linearly.
    """
    table = _make_table(up, down, x.dtype.type)
    steps, width = len(table) - 1, table.shape[1]
    count = max(-(-((len(x) - width + 1) * up - place) // down), 0)
    windows = sliding_window_view(x, width) if count else None
    out = np.empty(count, x.dtype)
    some = max(1, 2**18 // width)
    for first in range(0, count, some):
        n, rest = np.divmod(place + np.arange(first, min(first + some, count)) * down, up)
        i, between = np.divmod(rest * (steps / up), 1)
        i, between = i.astype(int), between.astype(x.dtype)[:, None]
        weights = table[i] + between * (table[i + 1] - table[i])
        out[first : first + some] = np.einsum("kn,kn->k", windows[n], weights)
    used, place = divmod(place + count * down, up)
    return out, used, place
