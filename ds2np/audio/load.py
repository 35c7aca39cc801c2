"""Read recordings of any format and rate that libsndfile knows."""

import os
from math import gcd
from pathlib import Path

import numpy as np

from ds2np.errors import UserError

RATES = 100, 1_000_000  # hertz; a header that states another is damaged
MAX_PEAK = 1e10  # of full scale; whole numbers of 32 bits, stored as they are, reach 2e9


def load_audio(path, sample_rate=None):
    """Read a recording as one channel, at the rate asked for.

    Parameters
    ----------
    path : str or Path
        WAV, FLAC, OGG, MP3 and what else libsndfile reads; several channels are averaged.
    sample_rate : int, optional
        In hertz; the recording is resampled if its own differs. Its own if left out.

    Returns
    -------
    samples : ndarray of float32 of shape (samples,)
        Full scale is -1 to 1.
    rate : int
        In hertz.

    Raises
    ------
    UserError
        If the file is missing, is no audio, is empty, states an impossible rate or length, or holds
        samples that are no numbers or impossibly large.
    """
    import soundfile

    path = Path(path)
    if not os.path.exists(path):  # unlike Path's, False for a name that no file can have
        raise UserError(f"{path}: no such audio file")
    if path.is_dir():
        raise UserError(f"{path} is a folder; an audio file is needed")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except MemoryError:
        raise UserError(
            f"{path} does not fit into memory; is the length right that its header states?"
        ) from None
    # TypeError: raw samples without a header. ValueError: a header that states no length.
    except (soundfile.SoundFileError, OSError, TypeError, ValueError) as error:
        raise UserError(describe_unreadable(path, error)) from None
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(
            f"{path} states a sampling rate of {rate} Hz; {RATES[0]} to {RATES[1]} Hz can be read"
        )
    if not len(samples):
        raise UserError(f"{path} is empty: it holds no samples")
    if not np.isfinite(samples).all():
        count = int((~np.isfinite(samples)).sum())
        raise UserError(f"{path} holds {count} samples that are NaN or infinite; record it anew")
    if (peak := np.abs(samples).max()) > MAX_PEAK:
        raise UserError(f"{path} has a peak of {peak:.1g}, where full scale is 1; record it anew")
    samples = samples.mean(axis=1)
    if sample_rate is not None and rate != sample_rate:
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return samples, rate


def describe_unreadable(path, error):
    """Say that a file is not audio, with libsndfile's reason."""
    reason = str(error).split(": ", 1)[-1].strip().rstrip(".")
    return f"{path} is not audio that can be read ({reason}); WAV, FLAC, OGG and MP3 can"


def resample(samples, rate, new_rate):
    """Change the sampling rate of a signal, with a filter against aliases.

    Parameters
    ----------
    samples : ndarray of shape (samples,)
    rate, new_rate : int
        In hertz.

    Returns
    -------
    ndarray of shape (ceil(samples * new_rate / rate),), of the dtype of samples
    """
    from scipy.signal import resample_poly

    divisor = gcd(rate, new_rate)
    return resample_poly(samples, new_rate // divisor, rate // divisor).astype(samples.dtype)
