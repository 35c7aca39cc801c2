"""Manifests: files of JSON lines, one utterance per line."""

import json
from dataclasses import dataclass, field
from pathlib import Path

from ds2np.errors import UserError
from ds2np.files import replacing

MAX_SECONDS = 24 * 60 * 60  # a longer recording is a mistake
KEYS = ("audio_filepath", "duration", "text", "speaker")


@dataclass(frozen=True)
class Utterance:
    """One recording with its transcript.

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
    """

    audio_filepath: Path
    duration: float
    text: str
    speaker: str = ""
    where: str = ""
    extra: dict = field(default_factory=dict, hash=False)


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


def scan_manifest(path):
    """Yield the number (from 1) and the Utterance of each line of a manifest.

    A bad line yields its UserError instead, and reading continues. Blank lines are skipped.

    Raises
    ------
    UserError
        If the file is missing, is not UTF-8 text, or has no utterance.
    """
    path = Path(path)
    try:
        # Not splitlines(), which also cuts at separators that a JSON string may contain unescaped.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such manifest; the scripts in data_scripts of the repository write them"
        ) from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; expected a file of JSON lines") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; expected a file of JSON lines") from None
    if not any(line.strip() for line in lines):
        raise UserError(f"{path} holds no utterance; expected at least one line")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = _parse_line(line, f"{path}:{number}", path.parent)
        except UserError as error:
            item = error
        yield number, item


def _parse_line(line, where, folder):
    needed = 'expected {"audio_filepath": ..., "duration": seconds, "text": ...}'
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        raise UserError(f"{where}: not valid JSON ({reason}); {needed}") from None
    if not isinstance(entry, dict):
        raise UserError(f"{where}: found {type(entry).__name__}; {needed}")
    if "\\u" in line:  # JSON can escape what UTF-8 cannot encode
        try:
            json.dumps(entry, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise UserError(
                f"{where}: holds an unpaired surrogate, such as \\ud83d without \\ude00; {needed}"
            ) from None
    for key, kinds in (("audio_filepath", str), ("duration", (int, float)), ("text", str)):
        if key not in entry:
            raise UserError(f'{where}: "{key}" is missing; {needed}')
        if not isinstance(entry[key], kinds) or isinstance(entry[key], bool):
            raise UserError(f'{where}: "{key}" is {_shown(entry[key])}; {needed}')
    if "\0" in entry["audio_filepath"]:
        raise UserError(f'{where}: "audio_filepath" holds a NUL, which no file name can; {needed}')
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
    speaker = entry.get("speaker")
    return Utterance(
        audio_filepath=folder / entry["audio_filepath"],
        duration=float(duration),
        text=entry["text"],
        speaker="" if speaker is None else str(speaker),
        where=where,
        extra={key: value for key, value in entry.items() if key not in KEYS},
    )


def _shown(value):
    """Format a value as JSON, cut to 80 characters."""
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def write_manifest(path, utterances):
    """Write utterances as a manifest, completely or not at all.

    Audio below the manifest's folder gets a relative path, so that the folder can be moved; other
    audio gets an absolute path.
    """
    path = Path(path)
    folder = path.parent.resolve()
    with replacing(path) as file:
        for utterance in utterances:
            audio = Path(utterance.audio_filepath).resolve()
            if audio.is_relative_to(folder):
                audio = audio.relative_to(folder)
            entry = {
                "audio_filepath": audio.as_posix(),
                "duration": round(utterance.duration, 4),
                "text": utterance.text,
                "speaker": utterance.speaker,
                **utterance.extra,
            }
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
