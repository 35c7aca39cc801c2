"""Loading of recordings in any format and sampling rate that libsndfile reads."""

import os
from math import gcd
from pathlib import Path

import numpy as np

from ds2np.errors import UserError

RATES = 100, 1_000_000  # hertz; any other value means a damaged header
MAX_PEAK = 1e10  # of full scale; 32-bit integers stored unscaled as floats reach 2e9


def load_audio(path, sample_rate=None):
    """Read a recording as one channel, resampled if a sampling rate is given.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, OGG, MP3 or any other format of libsndfile; channels are averaged.
    sample_rate : int, optional
        In hertz; the recording's own if omitted.

    Returns
    -------
    samples : ndarray of float32 of shape (samples,)
        Full scale is -1 to 1.
    rate : int
        In hertz.

    Raises
    ------
    UserError
        If the file is missing, not audio or empty, if its header states an impossible sampling rate
        or length, or if samples are NaN, infinite or impossibly large.
    """
    import soundfile

    path = Path(path)
    if not os.path.exists(path):  # unlike Path.exists, False for an impossible file name
        raise UserError(f"{path}: no such audio file")
    if path.is_dir():
        raise UserError(f"{path} is a folder; expected an audio file")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except MemoryError:
        raise UserError(
            f"{path} does not fit into memory; check the length stated in its header"
        ) from None
    # TypeError: raw samples without a header. ValueError: a header that states no length.
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise UserError(describe_unreadable(path, error)) from None
    check_sound(samples, rate, path)
    samples = samples.mean(axis=1)
    if sample_rate is not None and rate != sample_rate:
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return samples, rate


def check_sound(samples, rate, name):
    """Raise a UserError, which begins with `name`, for samples or a rate that cannot be a sound."""
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(
            f"{name} states a sampling rate of {rate} Hz; expected {RATES[0]} to {RATES[1]} Hz"
        )
    if not len(samples):
        raise UserError(f"{name} is empty: it holds no samples")
    if not np.isfinite(samples).all():
        count = int((~np.isfinite(samples)).sum())
        raise UserError(f"{name} holds {count} samples that are NaN or infinite; record it again")
    if (peak := np.abs(samples).max()) > MAX_PEAK:
        raise UserError(f"{name} has a peak of {peak:.1g}, but full scale is 1; record it again")


def describe_unreadable(path, error):
    """Return the message for a file that is not audio, with libsndfile's reason."""
    reason = str(error).split(": ", 1)[-1].strip().rstrip(".")
    return f"{path} is not readable audio ({reason}); expected WAV, FLAC, OGG or MP3"


def resample(samples, rate, new_rate):
    """Change the sampling rate of a signal, with an anti-aliasing filter.

    Both rates are in hertz. N samples become ceil(N * new_rate / rate), of the same dtype.
    """
    from scipy.signal import resample_poly

    divisor = gcd(rate, new_rate)
    return resample_poly(samples, new_rate // divisor, rate // divisor).astype(samples.dtype)
