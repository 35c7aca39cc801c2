"""Manifests: one JSON object a line, one utterance an object."""

import json
from dataclasses import dataclass
from pathlib import Path

from ds2np.errors import UserError
from ds2np.files import replacing

LONGEST = 24 * 60 * 60  # seconds; more is a mistake


@dataclass(frozen=True)
class Utterance:
    """One recording with its transcript.

    Parameters
    ----------
    audio_filepath : Path
        The recording, as an absolute path or relative to the working directory.
    duration : float
        Length of the recording in seconds.
    text : str
        What is said.
    speaker : str
        Who says it; empty where that is not known.
    where : str
        The manifest and line it came from, for error messages.
    """

    audio_filepath: Path
    duration: float
    text: str
    speaker: str = ""
    where: str = ""


def read_manifest(path):
    """Read the utterances of a manifest, in the order of the file.

    Relative audio paths are relative to the folder of the manifest. Blank lines are allowed.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    list of Utterance

    Raises
    ------
    UserError
        If the file is missing, is not UTF-8 text, has no utterance, or one of its lines is not what
        a manifest line has to be; the message names the file and the line.
    """
    path = Path(path)
    try:
        # Not splitlines(), which also cuts at separators that a JSON string may hold as they are.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path}: no such manifest; one of the data_scripts makes it") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; a manifest is a file of JSON lines") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not UTF-8 text; a manifest is a file of JSON lines") from None
    utterances = [
        _parse_line(line, f"{path}:{number}", path.parent)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    ]
    if not utterances:
        raise UserError(f"{path} holds no utterance; a manifest needs at least one line")
    return utterances


def _parse_line(line, where, folder):
    needed = 'a manifest line is {"audio_filepath": ..., "duration": seconds, "text": ...}'
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", error)
        raise UserError(f"{where}: not valid JSON ({reason}); {needed}") from None
    if not isinstance(entry, dict):
        raise UserError(f"{where}: found {type(entry).__name__}; {needed}")
    for key, kinds in (("audio_filepath", str), ("duration", (int, float)), ("text", str)):
        if key not in entry:
            raise UserError(f'{where}: "{key}" is missing; {needed}')
        if not isinstance(entry[key], kinds) or isinstance(entry[key], bool):
            raise UserError(f'{where}: "{key}" is {json.dumps(entry[key])}; {needed}')
    duration = entry["duration"]
    if not 0 < duration <= LONGEST:
        raise UserError(
            f'{where}: "duration" is {json.dumps(duration)}; '
            f"it has to be above 0 and at most {LONGEST} seconds"
        )
    return Utterance(
        audio_filepath=folder / entry["audio_filepath"],
        duration=float(duration),
        text=entry["text"],
        speaker=str(entry.get("speaker", "")),
        where=where,
    )


def write_manifest(path, utterances):
    """Write utterances as a manifest, whole or not at all.

    Audio that lies below the manifest's folder is named relative to it, so that the folder can be
    moved; other audio is named by its absolute path.

    Parameters
    ----------
    path : str or Path
    utterances : iterable of Utterance
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
            }
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
