"""Is a recording fit for training? Checks of its header, and of its samples."""

import hashlib
import os
import re
from dataclasses import dataclass

import numpy as np

from ds2np.audio.load import describe_unreadable, load_audio
from ds2np.data.manifest import MAX_SECONDS
from ds2np.errors import UserError

SILENT = 1e-3  # of full scale; speech as soft as this is mostly quantisation noise
FULL_SCALE = 0.9999  # 16-bit samples reach 32767 / 32768
CLIPPED = 1e-3  # fraction of the samples; a few clipped peaks are inaudible

# libsndfile's log of a file that is shorter than its header says. Programs that write to a pipe
# cannot know the length and leave 0 or all ones in the header: such a file is not damaged.
CUT_CHUNK = re.compile(r"^ *(?:data|SSND) : (\d+) \(should be (\d+)\)", re.MULTILINE)
UNKNOWN_LENGTH = 0x7FFFF000
CUT_OGG = "File ended unexpectedly"


class BadRecording(UserError):
    """A recording unfit for training; ``kind`` is the fault in two words, for counting."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class Recording:
    """The properties of a recording.

    ``seconds`` is its length, ``rate`` its sampling rate in Hz, ``format`` such as "FLAC PCM_16, 1
    channel", and ``content`` a checksum of its samples, empty if only the header was read.
    """

    seconds: float
    rate: int
    format: str
    content: bytes = b""


def durations_differ(a, b):
    """Check whether two durations in seconds differ by more than rounding explains.

    A difference of 0.1 s or 1 %, whichever is more, is tolerated.
    """
    return abs(a - b) > max(0.1, 0.01 * max(a, b))


def describe_difference(stated, seconds, name="the recording"):
    """Describe a stated duration in seconds that is not that of the recording."""
    return f'"duration" is {stated:g}, but {name} lasts {seconds:g} s'


def read_header(path):
    """Read the header of a recording, without decoding it.

    Raises
    ------
    BadRecording
        If the file is missing, is not audio, holds no samples, or is cut off.
    """
    if not os.path.exists(path):  # unlike Path's, False where a folder must not be read
        raise BadRecording("missing audio", f"no such audio file: {path}")
    if not os.path.isfile(path):
        raise BadRecording("unusable audio", f"{path} is not a file; expected an audio file")
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
                f"{path} is cut off: its header promises {promised} bytes of audio, "
                f"but the file holds {found}",
            )
    if CUT_OGG in info.extra_info:
        raise BadRecording("truncated audio", f"{path} is cut off: its last page is missing")
    if not info.frames:
        raise BadRecording("unusable audio", f"{path} is empty: it holds no samples")
    if info.duration > MAX_SECONDS:
        raise BadRecording(
            "unusable audio",
            f"{path} does not state its length in its header; write the file again",
        )


def listen(path, header):
    """Decode a recording, check all of its samples, and add their checksum to its header.

    Raises
    ------
    BadRecording
        If the audio cannot be decoded, ends early, holds NaN or infinite samples, is silent, or is
        clipped.
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
            f"{path} is cut off: its header promises {header.seconds:.2f} s of audio, "
            f"but only {seconds:.2f} s can be decoded",
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
    """Count full-scale samples between two others; a peak that just touches it has none."""
    full = np.abs(samples) >= FULL_SCALE
    return int((full[:-2] & full[1:-1] & full[2:]).sum())
