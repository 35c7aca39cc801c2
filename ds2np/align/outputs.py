"""What the network puts out over hours of sound, in files, so that memory does not grow.

Half a minute at a time goes through the network as an utterance of its own, together with some
seconds before and after, whose outputs are dropped: a network that runs in both directions needs to
hear what is said next. An interrupted computation goes on where it stopped.
"""

import hashlib
import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ds2np.align.levels import LevelMeter
from ds2np.audio import SoundReader, describe_suspect
from ds2np.backend import to_cpu
from ds2np.errors import UserError
from ds2np.files import replacing

PIECE_SECONDS, CONTEXT_SECONDS = 30, 5
AT_ONCE = 4  # pieces in a minibatch
BYTES = 4  # of a number in float32
RELATED = 0.75  # of the power of two channels that their mean keeps, if they hear the same


class Outputs:
    """Log-probabilities of recordings one after another, read from files as they are needed.

    Parameters
    ----------
    paths : sequence of Path
        Files of float32, in the order of the recordings.
    count : int
        V, the symbols with the blank.

    Attributes
    ----------
    begins : ndarray of int of shape (files + 1,)
        First frame of each recording, and the number of all frames.
    """

    def __init__(self, paths, count):
        self._paths, self._count = list(paths), count
        frames = [path.stat().st_size // (BYTES * count) for path in self._paths]
        self.begins = np.cumsum([0, *frames])

    def __len__(self):
        return int(self.begins[-1])

    def __getitem__(self, frames):
        """Return a slice of frames, (T, V)."""
        start, stop, _ = frames.indices(len(self))
        parts = [np.zeros((0, self._count), np.float32)]
        for path, begin, end in zip(self._paths, self.begins, self.begins[1:], strict=False):
            first, last = max(start, begin), min(stop, end)
            if first < last:
                offset = BYTES * self._count * int(first - begin)
                read = np.fromfile(path, np.float32, (last - first) * self._count, offset=offset)
                parts.append(read.reshape(-1, self._count))
        return np.concatenate(parts)


@dataclass(frozen=True)
class Heard:
    """A recording that went through the network.

    Attributes
    ----------
    recording : Path
    seconds : float
    outputs, levels : Path
        The files of its log-probabilities, and of its levels: see `ds2np.align.levels`.
    warnings : tuple of str
        See `ds2np.audio.describe_suspect`.
    """

    recording: Path
    seconds: float
    outputs: Path
    levels: Path
    warnings: tuple = ()


def hear(recogniser, recording, path, channel=None, show=lambda seconds: None):
    """Compute the log-probabilities of a recording, however long.

    Parameters
    ----------
    recogniser : Recogniser
    recording : Path
    path : Path
        The file to write; beside it, path.levels gets the levels, and path.json says of what they
        are. If they are there already, from this recording and network, the rest is computed.
    channel : int, optional
        Of the recording; the mean of all by default.
    show : callable
        Is called with the seconds done, again and again.

    Returns
    -------
    Heard

    Raises
    ------
    UserError
        If the recording cannot be read or is shorter than one window, or outputs are not finite.
    """
    config = recogniser.config
    about, levels = (path.with_name(f"{path.name}.{end}") for end in ("json", "levels"))
    key = _identify(recogniser, recording, channel)
    known = _read_json(about)
    there = path.exists() and levels.exists()
    known = known if known.get("key") == key and there else {}
    if "seconds" in known:
        show(known["seconds"])
        return Heard(recording, known["seconds"], path, levels, tuple(known["warnings"]))
    reader = SoundReader(recording, config.sample_rate, channel=channel)
    cutter = _Cutter(config)
    size = BYTES * cutter.frames * len(config.alphabet())  # of a whole piece
    done = path.stat().st_size // size if known else 0
    _write_json(about, {"key": key})
    with open(path, "r+b" if done else "wb") as file, open(levels, "wb") as measured:
        file.truncate(done * size)
        file.seek(done * size)
        blocks = _measure(reader, LevelMeter(config.sample_rate), measured)
        windows = itertools.islice(cutter.windows(blocks), done, None)
        show(done * cutter.seconds)
        while batch := list(itertools.islice(windows, AT_ONCE)):
            for rows in _run(recogniser, batch, reader.name):
                rows.tofile(file)
            file.flush()
            show(cutter.seconds * len(batch))
    sound = reader.describe(np.zeros(0, np.float32))
    seconds = cutter.samples_read / config.sample_rate
    warnings = list(describe_suspect(reader.name, sound, config.sample_rate).values())
    if sound.channels > 1 and not warnings and sound.kept < RELATED:
        warnings.append(
            f"{reader.name} has {sound.channels} channels of different sound, perhaps a speaker "
            "each; their mean is aligned, unless a channel is chosen"
        )
    _write_json(about, {"key": key, "seconds": seconds, "warnings": warnings})
    return Heard(recording, seconds, path, levels, tuple(warnings))


def _measure(blocks, meter, file):
    """Yield blocks of samples, and write their levels."""
    for block in blocks:
        meter.push(block).tofile(file)
        yield block


@dataclass(frozen=True)
class _Window:
    """A piece of a recording with its surroundings: which of its output frames count."""

    samples: np.ndarray
    skip: int
    count: int


class _Cutter:
    """Cuts a recording into overlapping windows.

    Attributes
    ----------
    frames : int
        Output frames of a piece.
    seconds : float
        Of a piece.
    samples_read : int
        Of the recording, so far.
    """

    def __init__(self, config):
        self.frames = max(round(1000 * PIECE_SECONDS / config.frame_ms), 1)
        self._around = round(1000 * CONTEXT_SECONDS / config.frame_ms)
        self.seconds = self.frames * config.frame_ms / 1000
        strides = round(config.frame_ms / config.stride_ms)
        self._frame = config.frame_sizes[1] * strides  # from one output to the next, in samples
        self._config, self.samples_read = config, 0

    def windows(self, blocks):
        """Yield the windows of a recording that is given as blocks of samples."""
        kept, first = np.zeros(0, np.float32), 0  # samples, and the number of the first of them
        piece, around = self.frames * self._frame, self._around * self._frame
        begin = 0  # of the next piece
        for block in blocks:
            kept = np.concatenate([kept, block])
            self.samples_read += len(block)
            while self.samples_read >= begin + piece + around:
                yield self._window(kept, first, begin, begin + piece + around)
                begin += piece
                gone = max(begin - around - first, 0)
                kept, first = kept[gone:], first + gone
        total = self._out_frames(self.samples_read)
        while not begin or begin < total * self._frame:
            yield self._window(kept, first, begin, self.samples_read, total)
            begin += piece

    def _window(self, kept, first, begin, end, total=None):
        low = max(begin - self._around * self._frame, 0)
        at = begin // self._frame
        count = self.frames if total is None else min(self.frames, total - at)
        end = min(end, begin + (self.frames + self._around) * self._frame)
        return _Window(kept[low - first : end - first], at - low // self._frame, count)

    def _out_frames(self, samples):
        config = self._config
        return int(config.out_lengths(config.count_frames(samples / config.sample_rate)))


def _run(recogniser, windows, name):
    """Return the log-probabilities of some windows, those frames that count."""
    try:
        features = [recogniser.features(window.samples) for window in windows]
    except UserError as error:
        raise UserError(f"{name}: {error}") from None
    lengths = np.array([len(x) for x in features])
    x = np.zeros((len(features), lengths.max(), features[0].shape[1]), features[0].dtype)
    for row, of_window in zip(x, features, strict=True):
        row[: len(of_window)] = of_window
    log_probs, _ = recogniser.log_probs(x, lengths)
    rows = zip(to_cpu(log_probs), windows, strict=True)
    return [row[w.skip : w.skip + w.count].astype(np.float32) for row, w in rows]


def _identify(recogniser, recording, channel):
    """Return what the outputs depend on, as plain values."""
    try:
        status = recording.stat()
    except OSError as error:
        raise UserError(f"{recording} cannot be read ({error.strerror})") from None
    weights = hashlib.blake2b(digest_size=16)
    for _, array in sorted(recogniser.model.state_dict().items()):
        weights.update(np.ascontiguousarray(to_cpu(array)))
    return [
        str(recording.resolve()),
        status.st_size,
        status.st_mtime_ns,
        channel,
        weights.hexdigest(),
        PIECE_SECONDS,
        CONTEXT_SECONDS,
    ]


def _read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_json(path, values):
    with replacing(path) as file:
        json.dump(values, file)
