"""Changing the sampling rate of a signal, with an anti-aliasing filter."""

from math import gcd

from ds2np.audio.checks import check_samples, check_whole


def resample(samples, rate, new_rate):
    """Change the sampling rate of a signal, with an anti-aliasing filter.

    Both rates are in hertz. N samples become ceil(N * new_rate / rate), of the same dtype.
    """
    from scipy.signal import resample_poly

    check_samples(samples)
    check_whole("the sampling rate", rate)
    check_whole("the new sampling rate", new_rate)
    divisor = gcd(rate, new_rate)
    return resample_poly(samples, new_rate // divisor, rate // divisor).astype(samples.dtype)


def find_source(first, count, rate, new_rate):
    """Find the samples on which a part of a resampled signal depends.

    ``resample(samples[begin:end], rate, new_rate)[skip : skip + count]`` equals
    ``resample(samples, rate, new_rate)[first : first + count]``. A count of None, and an end of
    None, mean the rest of the signal.

    Returns
    -------
    begin, end, skip : int
    """
    if rate == new_rate:
        return first, None if count is None else first + count, 0
    divisor = gcd(rate, new_rate)
    up, down = new_rate // divisor, rate // divisor
    margin = 10 * max(up, down) // up + 1  # half of the filter, in samples of the source
    begin = max(first * down // up - margin, 0) // down * down  # where both signals have a sample
    end = None if count is None else (first + count) * down // up + margin + 1
    return begin, end, first - begin // down * up
