"""Is a recording fit for training? Checks of its header, and of its samples."""

import hashlib
import os
import sys
from dataclasses import dataclass, replace

import numpy as np

from ds2np.audio.load import read_sound
from ds2np.audio.opening import describe_cut, name_of, open_audio
from ds2np.audio.reader import ROUNDING, quantisation_step
from ds2np.audio.suspect import describe_cancelling
from ds2np.data.manifest import MAX_SECONDS
from ds2np.errors import UserError

SOFT = 32  # steps of quantisation; speech with a lower peak is mostly quantisation noise
CLIPPED = 1e-3  # fraction of the samples; a few clipped peaks are inaudible


class BadRecording(UserError):
    """A recording unfit for training; ``kind`` is the fault in two words, for counting."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind

    def __reduce__(self):
        return type(self), (self.kind, str(self))  # also from another process


@dataclass(frozen=True, slots=True)
class Recording:
    """The properties of a recording, or of the part of it that an utterance reads.

    ``seconds`` is its length, ``rate`` its sampling rate in Hz, ``format`` such as "FLAC PCM_16, 1
    channel", ``channels`` their number, ``step`` the quantisation of integer samples, and
    ``content`` a checksum of its samples, empty if only the header was read.
    """

    seconds: float
    rate: int
    format: str
    channels: int
    step: float
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
    if not os.path.isfile(path):
        name = name_of(path)
        if not os.path.exists(path):  # unlike Path's, False where a folder must not be read
            raise BadRecording("missing audio", f"no such audio file: {name}")
        raise BadRecording("unusable audio", f"{name} is not a file; expected an audio file")
    try:
        with open_audio(path) as opened:
            cut, frames, rate = describe_cut(opened), opened.frames, opened.samplerate
            channels, kind, subtype = opened.channels, opened.format, opened.subtype
    except UserError as error:
        raise BadRecording("unusable audio", str(error)) from None
    if cut:
        raise BadRecording("truncated audio", f"{name_of(path)} is cut off: {cut}")
    if not frames:
        raise BadRecording("unusable audio", f"{name_of(path)} is empty: it holds no samples")
    if frames > MAX_SECONDS * rate:
        raise BadRecording(
            "unusable audio",
            f"{name_of(path)} does not state its length in its header; write the file again",
        )
    described = f"{kind} {subtype}, {channels} channel{'s' if channels > 1 else ''}"
    step = quantisation_step(subtype)
    return Recording(frames / rate, rate, sys.intern(described), channels, step)


def take_part(recording, utterance):
    """Return the part of a recording, given its header, that an utterance reads.

    Raises
    ------
    BadRecording
        If the recording has no such segment or channel.
    """
    if utterance.channel is utterance.offset is None:
        return recording
    name, channel = name_of(utterance.audio_filepath), utterance.channel
    if channel is not None and channel >= recording.channels:
        raise BadRecording(
            "no such channel",
            f"{name} has {recording.channels} channels, but not channel {channel}, counted from 0",
        )
    if utterance.offset is None:
        return recording
    end = utterance.offset + utterance.duration
    if end > recording.seconds + ROUNDING:
        raise BadRecording(
            "segment outside",
            f"{name} lasts {recording.seconds:g} s; the segment ends at {end:g} s",
        )
    return replace(recording, seconds=utterance.duration)


def listen(path, header, **part):
    """Decode a recording, check all of its samples, and add their checksum to its header.

    A part of the recording is given by the options of `load_audio`.

    Raises
    ------
    BadRecording
        If the audio cannot be decoded, ends early, holds NaN or infinite samples, is silent, is
        clipped, or if its channels cancel each other out.
    """
    name = name_of(path)
    try:
        sound = read_sound(path, **part)
    except UserError as error:
        raise BadRecording("unusable audio", str(error)) from None
    if sound.cut:
        raise BadRecording("truncated audio", f"{name} is cut off: {sound.cut}")
    if cancelling := describe_cancelling(name, sound):
        raise BadRecording("cancelling channels", cancelling)
    samples = sound.samples
    peak = np.abs(samples - samples.mean(dtype=np.float64)).max()
    if sound.silent or peak < SOFT * header.step:
        raise BadRecording(
            "silent audio", f"{name} is silent: its peak is {peak:.1g} of full scale"
        )
    if (clipped := _count_clipped(samples)) > CLIPPED * len(samples):
        raise BadRecording(
            "clipped audio",
            f"{name} is clipped: {100 * clipped / len(samples):.1f} % of its samples are cut off "
            f"at {np.abs(samples).max():.2g} of full scale",
        )
    salt = sound.rate.to_bytes(16, "little")
    content = hashlib.blake2b(samples.tobytes(), digest_size=16, salt=salt).digest()
    return replace(header, seconds=len(samples) / sound.rate, content=content)


def _count_clipped(samples):
    """Count the samples on a plateau, inside runs of the highest or of the lowest value.

    Whatever the level at which a sound was cut off, a peak that is not has a single highest sample.
    """
    count = 0
    for extreme in (samples.max(), samples.min()):
        at = samples == extreme
        count += int((at[:-2] & at[1:-1] & at[2:]).sum())
    return count
