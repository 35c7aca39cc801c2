"""Reading a recording block by block, in any format and sampling rate that libsndfile reads."""

import functools
import re
from dataclasses import dataclass

import numpy as np

from ds2np.audio.mixing import Mix
from ds2np.audio.opening import describe_cut, describe_unreadable, name_of, open_audio
from ds2np.audio.resampling import find_source
from ds2np.errors import UserError, check_whole

RATES = 100, 1_000_000  # hertz; any other value means a damaged header
MAX_PEAK = 1e10  # of full scale; 32-bit integers stored unscaled as floats reach 2e9
MISSING_SECONDS, MISSING_SHARE = 0.1, 0.01  # some headers only estimate the length
BLOCK = 2**19  # frames that are decoded at a time
ROUNDING = 0.01  # seconds by which a part may extend beyond the end, as stated times are rounded


@dataclass(frozen=True)
class Sound:
    """A recording, or a part of it, and what `describe_suspect` must know of its file.

    Attributes
    ----------
    samples : ndarray of float32 of shape (samples,)
        Full scale is -1 to 1.
    rate, recorded_rate : int
        Sampling rates of the samples and of the file, in hertz.
    channels : int
        Number of channels that were averaged.
    kept : float
        Power of the average of the channels over the average of their powers: 1 for equal
        channels, 1 / channels for unrelated ones, 0 for opposite ones.
    silent : bool
        Whether the samples are constant, but for one step of quantisation.
    cut : str
        A clause that says how the file ends early, or "".
    """

    samples: np.ndarray
    rate: int
    recorded_rate: int
    channels: int
    kept: float
    silent: bool
    cut: str


class SoundReader:
    """A recording, or a part of it, as blocks of one channel: any length fits into memory.

    Parameters and errors are those of `ds2np.audio.read_sound`. The file is opened, and refused, as
    it is iterated, which can be done once.

    Yields
    ------
    ndarray of float32 of shape (samples,)

    Examples
    --------
    >>> reader = SoundReader("lecture.flac", 16000)
    >>> seconds = sum(map(len, reader)) / 16000
    """

    def __init__(self, file, sample_rate=None, *, start=0.0, duration=None, channel=None):
        if sample_rate is not None:
            check_whole("the sampling rate", sample_rate)
        self.name = name_of(file)
        if not 0 <= start < np.inf or not (duration is None or 0 < duration < np.inf):
            raise UserError(
                f"{self.name}: cannot read {duration} s from {start} s on; "
                f"expected a start of 0 s or later and a duration above 0 s"
            )
        self._file, self._new_rate, self._channel = file, sample_rate, channel
        self._start, self._duration = start, duration
        self._facts = None

    def __iter__(self):
        """Decode the file; the last block comes before it is known whether the file is sound."""
        import soundfile

        try:
            with open_audio(self._file) as opened:
                yield from self._read(opened)
        except (soundfile.SoundFileError, OSError) as error:
            raise UserError(describe_unreadable(self.name, error)) from None

    def _read(self, opened):
        name, start, duration = self.name, self._start, self._duration
        rate, cut, step = opened.samplerate, describe_cut(opened), quantisation_step(opened.subtype)
        check_rate(rate, name)
        new_rate = rate if self._new_rate is None else self._new_rate
        first = round(start * new_rate)
        count = None if duration is None else max(round(duration * new_rate), 1)
        begin, end, skip = find_source(first, count, rate, new_rate)
        if begin := min(begin, opened.frames):
            opened.seek(begin)
        promised = min(opened.frames, np.inf if end is None else end) - begin
        channels = _choose(opened.channels, self._channel, name)
        mix = Mix(len(channels), rate, new_rate)
        wanted = slice(skip, None if count is None else skip + count)
        at = 0  # of the next sample that the mix gives, before and after the part included
        while block := min(BLOCK, promised - mix.frames):
            decoded = opened.read(block, "float32", always_2d=True)
            samples = mix.add(decoded[:, channels])
            yield _cut_out(samples, at, wanted)
            at += len(samples)
            if len(decoded) < block:
                break
        if not mix.not_finite:
            yield _cut_out(mix.finish(), at, wanted)
        missing = promised - mix.frames
        if not cut and missing > max(MISSING_SECONDS * rate, MISSING_SHARE * promised):
            cut = (
                f"its header promises {promised / rate:.2f} s of audio, "
                f"but only {mix.frames / rate:.2f} s can be decoded"
            )
        if cut and not mix.frames:
            raise UserError(f"{name} is cut off: {cut}")
        if start or duration:
            _check_part((begin + mix.frames) / rate, start, duration, name)
        refuse_samples(mix.frames, mix.not_finite, mix.peak, name)
        self._facts = new_rate, rate, len(channels), mix.kept, mix.span <= 2 * step, cut

    def describe(self, samples):
        """Return the `Sound` of the samples, once all blocks are read."""
        return Sound(samples, *self._facts)


def _cut_out(samples, at, wanted):
    """Return those of some samples, the first of them number `at`, that are wanted."""
    first = max(wanted.start - at, 0)
    return samples[first : None if wanted.stop is None else max(wanted.stop - at, 0)]


@functools.cache
def quantisation_step(subtype):
    """Return the step between two values of integer samples; 0 for floats."""
    if subtype in ("FLOAT", "DOUBLE"):
        return 0.0
    bits = re.search(r"PCM_[SU]?(\d+)", subtype)  # lossy formats decode to 16 bits at best
    return 2.0 ** (1 - int(bits[1] if bits else 16))


def _check_part(seconds, start, duration, name):
    if start >= seconds or start + (duration or 0) > seconds + ROUNDING:
        wanted = f"more than {start:g}" if duration is None else f"at least {start + duration:g}"
        raise UserError(f"{name} lasts {seconds:g} s; expected {wanted} s")


def _choose(channels, channel, name):
    """Return the numbers of the channels to average: all, or the chosen one."""
    if channel is None:
        return list(range(channels))
    if channel not in range(channels):
        found = "1 channel" if channels == 1 else f"{channels} channels"
        raise UserError(
            f"{name} has {found} but not channel {channel}; expected 0"
            + (f" to {channels - 1}" if channels > 1 else "")
        )
    return [int(channel)]


def check_rate(rate, name):
    """Raise a UserError, which begins with `name`, for an impossible sampling rate in hertz."""
    if not RATES[0] <= rate <= RATES[1]:
        raise UserError(
            f"{name} states a sampling rate of {rate} Hz; expected {RATES[0]} to {RATES[1]} Hz"
        )


def check_sound(samples, rate, name):
    """Raise a UserError, which begins with `name`, for samples or a rate that cannot be a sound."""
    check_rate(rate, name)
    finite = np.isfinite(samples)
    peak = np.abs(samples).max(initial=0, where=finite)
    refuse_samples(len(samples), int(samples.size - finite.sum()), peak, name)


def refuse_samples(count, not_finite, peak, name):
    """Raise a UserError, which begins with `name`, for samples that cannot be a sound."""
    if not count:
        raise UserError(f"{name} is empty: it holds no samples")
    if not_finite:
        raise UserError(
            f"{name} holds {not_finite} samples that are NaN or infinite; record it again"
        )
    if peak > MAX_PEAK:
        raise UserError(f"{name} has a peak of {peak:.1g}, but full scale is 1; record it again")
