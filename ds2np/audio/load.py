"""Read recordings of any format and rate that libsndfile knows."""

from math import gcd
from pathlib import Path

import numpy as np

from ds2np.errors import UserError


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
        If the file is missing, is no audio, is empty, or holds samples that are not numbers.
    """
    import soundfile

    path = Path(path)
    if not path.exists():
        raise UserError(f"{path}: no such audio file")
    if path.is_dir():
        raise UserError(f"{path} is a folder; an audio file is needed")
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.SoundFileError, OSError) as error:
        reason = str(error).split(": ", 1)[-1].strip().rstrip(".")
        raise UserError(
            f"{path} is not audio that can be read ({reason}); WAV, FLAC, OGG and MP3 can"
        ) from None
    if not len(samples):
        raise UserError(f"{path} is empty: it holds no samples")
    if not np.isfinite(samples).all():
        count = int((~np.isfinite(samples)).sum())
        raise UserError(f"{path} holds {count} samples that are NaN or infinite; record it anew")
    samples = samples.mean(axis=1)
    if sample_rate is not None and rate != sample_rate:
        samples, rate = resample(samples, rate, sample_rate), sample_rate
    return samples, rate


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
