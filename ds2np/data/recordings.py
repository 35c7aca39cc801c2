"""Is a recording fit to learn from? What its header says, and what is heard."""

import hashlib
import os
import re
from dataclasses import dataclass

import numpy as np

from ds2np.audio.load import describe_unreadable, load_audio
from ds2np.data.manifest import MAX_SECONDS
from ds2np.errors import UserError

SILENT = 1e-3  # of full scale; speech recorded so softly is mostly noise of its quantisation
FULL_SCALE = 0.9999  # 16-bit samples reach 32767 / 32768
CLIPPED = 1e-3  # share of the samples; a few cut peaks are not heard

# What libsndfile remarks on a file that ends before its header says. Programs that write to a pipe
# leave a length of 0 or of all ones in it, as they cannot know: that is no damage.
CUT_CHUNK = re.compile(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_LENGTH = 0x7FFFF000
CUT_OGG = "File ended unexpectedly"


class BadRecording(UserError):
    """Report a recording that cannot be learned from.

    Parameters
    ----------
    kind : str
        What is wrong in two words, for counting.
    message : str
    """

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Recording:
    """What is known of a recording.

    Attributes
    ----------
    seconds : float
    rate : int
        In hertz.
    format : str
        Such as "FLAC PCM_16, 1 channel".
    content : bytes
        A checksum of its samples; empty if only the header was read.
    """

    seconds: float
    rate: int
    format: str
    content: bytes = b""


def durations_differ(a, b):
    """Tell whether two durations differ by more than rounding explains.

    Parameters
    ----------
    a, b : float
        In seconds; a tenth of a second or 1 % are tolerated, whichever is more.

    Returns
    -------
    bool
    """
    return abs(a - b) > max(0.1, 0.01 * max(a, b))


def read_header(path):
    """Look at the header of a recording; no sound is decoded.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Recording

    Raises
    ------
    BadRecording
        If the file is missing, is no audio, holds no samples, or is cut off.
    """
    if not os.path.exists(path):  # unlike Path's, False where a folder must not be read
        raise BadRecording("missing audio", f"no such audio file: {path}")
    if not os.path.isfile(path):
        raise BadRecording("unusable audio", f"{path} is not a file; an audio file is needed")
    import soundfile

    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError, TypeError) as error:  # TypeError: raw samples
        raise BadRecording("unusable audio", describe_unreadable(path, error)) from None
    _check_length(path, info)
    channels = f"{info.channels} channel{'s' if info.channels > 1 else ''}"
    return Recording(info.duration, info.samplerate, f"{info.format} {info.subtype}, {channels}")


def _check_length(path, info):
    for promised, found in CUT_CHUNK.findall(info.extra_info):
        if int(found) < int(promised) < UNKNOWN_LENGTH:
            raise BadRecording(
                "truncated audio",
                f"{path} is cut off: its header promises {promised} bytes of sound, "
                f"the file holds {found}",
            )
    if CUT_OGG in info.extra_info:
        raise BadRecording("truncated audio", f"{path} is cut off: its last page is missing")
    if not info.frames:
        raise BadRecording("unusable audio", f"{path} is empty: it holds no samples")
    if info.duration > MAX_SECONDS:
        raise BadRecording(
            "unusable audio", f"{path} does not say how long it is; write it anew with its length"
        )


def listen(path, header):
    """Decode a recording and examine all of its samples.

    Parameters
    ----------
    path : Path
    header : Recording
        What `read_header` found.

    Returns
    -------
    Recording
        With a checksum of the samples.

    Raises
    ------
    BadRecording
        If the sound cannot be decoded, ends early, holds samples that are not numbers, is silent,
        or is clipped.
    """
    try:
        samples, rate = load_audio(path)
    except UserError as error:
        raise BadRecording("unusable audio", str(error)) from None
    except MemoryError:
        promised = f"its header promises {header.seconds:g} s at {header.rate} Hz"
        raise BadRecording(
            "unusable audio", f"{path} does not fit into memory: {promised}"
        ) from None
    seconds = len(samples) / rate
    if seconds < header.seconds and durations_differ(seconds, header.seconds):
        raise BadRecording(
            "truncated audio",
            f"{path} is cut off: its header promises {header.seconds:.2f} s of sound, "
            f"{seconds:.2f} s can be decoded",
        )
    peak = np.abs(samples - samples.mean(dtype=np.float64)).max()
    if peak < SILENT:
        raise BadRecording(
            "silent audio", f"{path} is silent: its peak is {peak:.1g} of full scale"
        )
    clipped = _count_clipped(samples)
    if clipped > CLIPPED * len(samples):
        raise BadRecording(
            "clipped audio",
            f"{path} is clipped: {100 * clipped / len(samples):.1f} % of its samples are cut off "
            f"at full scale",
        )
    content = hashlib.blake2b(samples.tobytes(), digest_size=16, salt=rate.to_bytes(16, "little"))
    return Recording(seconds, rate, header.format, content.digest())


def _count_clipped(samples):
    """Count samples at full scale between two that are; a peak that just touches it has none."""
    full = np.abs(samples) >= FULL_SCALE
    return int((full[:-2] & full[1:-1] & full[2:]).sum())
