"""Loading of recordings in any format and sampling rate that libsndfile reads."""

import numpy as np

from ds2np.audio.reader import SoundReader
from ds2np.errors import UserError


def load_audio(file, sample_rate=None, **part):
    """Read a recording as one channel, resampled if a sampling rate is given.

    Parameters and errors are those of `read_sound`.

    Returns
    -------
    samples : ndarray of float32 of shape (samples,)
        Full scale is -1 to 1.
    rate : int
        In hertz.

    Examples
    --------
    >>> samples, rate = load_audio("lecture.flac", 16000, start=61.5, duration=4)
    >>> samples.shape
    (64000,)
    """
    sound = read_sound(file, sample_rate, **part)
    return sound.samples, sound.rate


def read_sound(file, sample_rate=None, *, start=0.0, duration=None, channel=None):
    """Read a recording, or a part of it, as a `Sound` of one channel.

    Parameters
    ----------
    file : str, bytes, Path or binary file
        WAV, FLAC, OGG, MP3 or any other format of libsndfile; see `open_audio`.
    sample_rate : int, optional
        In hertz; the recording's own if omitted.
    start, duration : float, optional
        The part to read, in seconds; to the end if omitted. Only this part is decoded. Its samples
        are those of the whole recording, resampled.
    channel : int, optional
        Counted from 0; all channels are averaged if omitted.

    Raises
    ------
    UserError
        If the file is missing, not audio or empty, if its header states an impossible sampling rate
        or length, if it has no such part or channel, or if samples are NaN, infinite or impossibly
        large.
    ValueError
        If file is neither a path nor a binary file, or sample_rate no positive whole number.
    """
    part = {"start": start, "duration": duration, "channel": channel}
    reader = SoundReader(file, sample_rate, **part)
    try:
        return reader.describe(np.concatenate(list(reader)))
    except MemoryError:
        raise UserError(
            f"{reader.name} does not fit into memory; check the length stated in its header"
        ) from None
