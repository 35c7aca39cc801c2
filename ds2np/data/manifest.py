"""Manifests: files of JSON lines, one utterance per line; ``.jsonl.gz`` is compressed."""

import contextlib
import functools
import gzip
import json
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from ds2np.errors import UserError
from ds2np.files import replacing

MAX_SECONDS = 24 * 60 * 60  # a longer recording is a mistake
MAX_CHANNEL = 1023  # libsndfile reads files of up to 1024 channels
GZIP = b"\x1f\x8b"  # the first bytes of a compressed file

KEYS = ("audio_filepath", "duration", "text", "speaker", "offset", "channel")
NEEDED = 'expected {"audio_filepath": ..., "duration": seconds, "text": ...}'
SEGMENT = 'a segment is given by "offset" and "duration", in seconds'
# Keys of other programs that change which sound a line means. Other keys are comments.
UNSUPPORTED = {
    **dict.fromkeys(("start", "end", "begin", "stop", "start_time", "end_time"), SEGMENT),
    **dict.fromkeys(("begin_time", "offset_ms", "start_ms", "end_ms", "duration_ms"), SEGMENT),
    **dict.fromkeys(("start_sample", "end_sample", "offset_samples"), SEGMENT),
    **dict.fromkeys(("segment", "segments"), SEGMENT),
    "channel_selector": 'a channel is chosen by "channel", from 0',
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording, or a segment of one, with its transcript.

    Parameters
    ----------
    audio_filepath : Path
        Absolute, or relative to the working directory.
    duration : float
        In seconds.
    text : str
        The transcript.
    speaker : str
        Empty if unknown.
    where : str
        Manifest and line, for error messages.
    extra : dict
        The other keys of the line; unused, but kept by a copy of the manifest.
    offset : float, optional
        The utterance is a segment of the recording that begins here, in seconds; without it, the
        utterance is the whole recording.
    channel : int, optional
        The channel to read, from 0; the mean of all channels by default.
    """

    audio_filepath: Path
    duration: float
    text: str
    speaker: str = ""
    where: str = ""
    extra: dict = field(default_factory=dict, hash=False)
    offset: float | None = None
    channel: int | None = None

    @property
    def part(self):
        """The part of the recording that is read, as the options of `load_audio`."""
        options = {} if self.channel is None else {"channel": self.channel}
        if self.offset is not None:
            options |= {"start": self.offset, "duration": self.duration}
        return options


def read_manifest(path):
    """Read the utterances of a manifest, in file order.

    Relative audio paths are relative to the folder of the manifest; blank lines are allowed. A bad
    line raises a UserError that names the file and the line; see `scan_manifest`.
    """
    utterances = []
    for _, item in scan_manifest(path):
        if isinstance(item, UserError):
            raise item
        utterances.append(item)
    return utterances


def read_manifests(paths):
    """Read the utterances of one or several manifests in their order; see `read_manifest`."""
    return [each for path in list_manifests(paths) for each in read_manifest(path)]


def list_manifests(paths):
    """Return one path or several as a list of Path; raise a UserError if one is given twice."""
    paths = [paths] if isinstance(paths, str | os.PathLike) else paths
    paths, seen = [Path(path) for path in paths], set()
    for path in paths:
        if path.resolve() in seen:
            raise UserError(f"{path} is given twice; its utterances would count double")
        seen.add(path.resolve())
    return paths


def count_lines(path):
    """Count the lines of a manifest; 0 if it cannot be read, which reading will report."""
    try:
        with _open(Path(path)) as file:
            return sum(1 for _ in file)
    except (OSError, EOFError, zlib.error):
        return 0


def scan_manifest(path, transcribed=True):
    """Yield the number (from 1) and the Utterance of each line of a manifest.

    A bad line yields its UserError instead, and reading continues. Blank lines are skipped. Unless
    the manifest is ``transcribed``, "text" may be missing.

    Raises
    ------
    UserError
        If the file is missing, is not UTF-8 text, or has no utterance.
    """
    path = Path(path)
    empty = True
    try:
        with _open(path) as file:
            for number, line in enumerate(file, start=1):
                line = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if not line:
                    continue
                empty = False
                try:
                    item = _parse_line(line, f"{path}:{number}", path.parent, transcribed)
                except UserError as error:
                    item = error
                yield number, item
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such manifest; the scripts in data_scripts of the repository write them"
        ) from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected a file of JSON lines") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; expected a file of JSON lines") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path} is damaged ({error}); compress it again") from None
    if empty:
        raise UserError(f"{path} holds no utterance; expected at least one line")


@contextlib.contextmanager
def _open(path):
    """Open a manifest for reading bytes, decompressed if its first bytes are those of gzip."""
    with path.open("rb") as file:
        yield gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == GZIP else file


def _parse_line(line, where, folder, transcribed):
    try:
        entry = DECODER.decode(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        raise UserError(f"{where}: not valid JSON ({reason}); {NEEDED}") from None
    if not isinstance(entry, dict):
        raise UserError(f"{where}: found {type(entry).__name__}; {NEEDED}")
    if "\\u" in line:  # JSON can escape what UTF-8 cannot encode
        try:
            json.dumps(entry, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UserError(
                f"{where}: holds an unpaired surrogate, such as \\ud83d without \\ude00; {NEEDED}"
            ) from None
    if not transcribed:
        entry.setdefault("text", "")
    for key, kinds in (("audio_filepath", str), ("duration", (int, float)), ("text", str)):
        if key not in entry:
            raise UserError(f'{where}: "{key}" is missing; {NEEDED}')
        if not isinstance(entry[key], kinds) or isinstance(entry[key], bool):
            raise UserError(f'{where}: "{key}" is {_shown(entry[key])}; {NEEDED}')
    if "\0" in entry["audio_filepath"]:
        raise UserError(f'{where}: "audio_filepath" holds a NUL, which no file name can; {NEEDED}')
    if len(entry["audio_filepath"]) > 4096:  # longer than any system can open
        raise UserError(
            f'{where}: "audio_filepath" is {_shown(entry["audio_filepath"])}, which is too long'
        )
    duration = entry["duration"]
    if not 0 < duration <= MAX_SECONDS:
        raise UserError(
            f'{where}: "duration" is {_shown(duration)}; '
            f"expected more than 0 and at most {MAX_SECONDS} seconds"
        )
    extra = {key: value for key, value in entry.items() if key not in KEYS}
    _check_extra(extra, where)
    speaker = entry.get("speaker")
    return Utterance(
        audio_filepath=folder / entry["audio_filepath"],
        duration=float(duration),
        text=entry["text"],
        speaker="" if speaker is None else str(speaker),
        where=where,
        extra=extra,
        offset=_number(entry, "offset", (int, float), MAX_SECONDS, where),
        channel=_number(entry, "channel", int, MAX_CHANNEL, where),
    )


def _distinct(pairs):
    """Make a dict of the pairs of a JSON object, which must not hold a key twice."""
    entry = dict(pairs)
    if len(entry) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {_shown(twice)} occurs twice")
    return entry


DECODER = json.JSONDecoder(object_pairs_hook=_distinct)


def _number(entry, key, kinds, most, where):
    """Read an optional number from 0 to ``most``."""
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, kinds) or isinstance(value, bool) or not 0 <= value <= most:
        what = "a number" if kinds is not int else "a whole number"
        raise UserError(f'{where}: "{key}" is {_shown(value)}; expected {what} from 0 to {most}')
    return value


def _check_extra(extra, where):
    """Refuse keys that mean something which would be ignored."""
    for key, value in extra.items():
        folded = key.lower()
        if value is None or not (folded in UNSUPPORTED or folded in KEYS):
            continue
        remedy = UNSUPPORTED.get(folded, f'write "{folded}"')
        raise UserError(f"{where}: the key {_shown(key)} would be ignored; {remedy}")


def _shown(value):
    """Format a value as JSON, cut to 80 characters."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def manifests_of(utterances):
    """Return the manifests from which utterances were read, in their order, as absolute paths."""
    names = (where.rpartition(":")[0] for where in (each.where for each in utterances) if where)
    return [Path(name).absolute() for name in dict.fromkeys(names)]


def identify(utterance):
    """Return what equal recordings have in common: the file, behind all links, and the part."""
    path = os.fspath(utterance.audio_filepath)
    folder, name = os.path.split(path)
    if os.path.islink(path):
        path = os.path.realpath(path)
    else:
        path = os.path.join(_real_folder(folder), name)
    part = utterance.offset, utterance.channel
    return path if part == (None, None) else (path, *part)


_real_folder = functools.lru_cache(100_000)(os.path.realpath)


def write_manifest(path, utterances):
    """Write utterances as a manifest, completely or not at all; compressed if it ends in .gz.

    Audio below the manifest's folder gets a relative path, so that the folder can be moved; other
    audio gets an absolute path.
    """
    path = Path(path)
    folder = path.parent.resolve()
    with replacing(path, "wb") as file:
        # Without a time of its own, equal content gives equal files.
        target = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if path.suffix == ".gz" else file
        for utterance in utterances:
            target.write(f"{_format(utterance, folder)}\n".encode())
        if target is not file:
            target.close()


def _format(utterance, folder):
    """Format an utterance as a line of a manifest in a folder."""
    audio = Path(utterance.audio_filepath).resolve()
    if audio.is_relative_to(folder):
        audio = audio.relative_to(folder)
    entry = {
        "audio_filepath": audio.as_posix(),
        "duration": round(utterance.duration, 4),
        "text": utterance.text,
        "speaker": utterance.speaker,
    }
    optional = {"offset": utterance.offset, "channel": utterance.channel}
    entry |= {key: value for key, value in optional.items() if value is not None}
    return json.dumps(entry | utterance.extra, ensure_ascii=False)
