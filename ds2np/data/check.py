"""Checked manifests: the faults of each line, and a clean copy without them."""

import dataclasses
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from ds2np.ctc import describe_misfit, min_frames
from ds2np.data.manifest import Utterance, read_manifest, scan_manifest, write_manifest
from ds2np.data.recordings import (
    BadRecording,
    Recording,
    describe_difference,
    durations_differ,
    listen,
    read_header,
)
from ds2np.errors import UserError
from ds2np.text import Alphabet

DURATION = "wrong duration"  # the only fault that a clean copy corrects


@dataclass(frozen=True)
class Fault:
    """A fault of a line: its kind in two or three words, for counting, and a message."""

    kind: str
    message: str


@dataclass(frozen=True)
class Line:
    """One line of a manifest with its faults; ``number`` counts from 1.

    ``utterance`` is None if the line cannot be parsed, ``recording`` if the audio cannot be read.
    """

    number: int
    utterance: Utterance | None
    recording: Recording | None
    faults: tuple

    @property
    def usable(self):
        """Whether a clean copy keeps the line."""
        return all(fault.kind == DURATION for fault in self.faults)

    @property
    def seconds(self):
        """The length of the recording, or the stated duration if it cannot be read."""
        return self.recording.seconds if self.recording else self.utterance.duration


@dataclass(frozen=True)
class ManifestCheck:
    """A checked manifest: its path, the alphabet of the check, its lines in file order."""

    path: Path
    alphabet: Alphabet
    lines: list

    @property
    def faulty(self):
        """The lines that have faults."""
        return [line for line in self.lines if line.faults]


def check_manifest(path, config, longest=math.inf, listening=False):
    """Check each line of a manifest, its transcript and its recording.

    Parameters
    ----------
    path : str or Path
    config : DeepSpeech2Config
        Gives the alphabet, and the number of frames of a recording.
    longest : float
        Maximum length of a recording in seconds.
    listening : bool
        Decode the recordings completely instead of reading only their headers.

    Returns
    -------
    ManifestCheck

    Raises
    ------
    UserError
        If the file is missing, is not UTF-8 text, or has no utterance.
    """
    path = Path(path)
    transcripts = _Transcripts(config)
    lines, first = [], {}  # first: a recording or its content -> the first line that has it
    for number, item in tqdm(list(scan_manifest(path)), unit=" lines", delay=1, leave=False):
        if isinstance(item, UserError):
            message = str(item).removeprefix(f"{path}:{number}: ")
            lines.append(Line(number, None, None, (Fault("unreadable line", message),)))
            continue
        recording, faults = _examine(item.audio_filepath, listening)
        line = Line(number, item, recording, tuple(faults))
        faults += transcripts.check(line)
        if line.seconds > longest:
            faults.append(
                Fault("long recording", f"lasts {line.seconds:g} s; expected at most {longest:g} s")
            )
        line = dataclasses.replace(line, faults=tuple(faults))
        if line.usable:  # an unusable line does not make a later one a repetition
            line = dataclasses.replace(line, faults=line.faults + _repetitions(line, first))
        lines.append(line)
    return ManifestCheck(path, transcripts.alphabet, lines)


def _examine(path, listening):
    """Read a recording; return its properties, None if unreadable, and its faults."""
    recording = None
    try:
        recording = read_header(path)
        if listening:
            recording = listen(path, recording)
    except BadRecording as error:
        return recording, [Fault(error.kind, str(error))]
    return recording, []


class _Transcripts:
    """Checks transcripts against an alphabet and the frames of their recordings."""

    def __init__(self, config):
        self.alphabet = config.alphabet()
        self._config = config

    def _frames(self, seconds):
        return int(self._config.out_lengths(self._config.count_frames(seconds)))

    def check(self, line):
        """List the faults of a line's transcript and of its stated duration."""
        text, stated = line.utterance.text, line.utterance.duration
        faults, needed = [], 0
        if unknown := self.alphabet.unknown(text):
            listed = " ".join(repr(c) for c in unknown)
            faults.append(Fault("unknown characters", f"{listed} in {text!r} not in the alphabet"))
        elif not text.strip():
            faults.append(Fault("empty transcript", "the transcript is empty"))
        else:
            needed = min_frames(self.alphabet.encode(text))
        available = self._frames(line.seconds)
        if needed > available:
            misfit = describe_misfit(needed, available, f"{line.seconds:g} s of audio")
            faults.append(Fault("long transcript", misfit))
        # Training plans with the stated duration, before it reads the recording.
        elif durations_differ(stated, line.seconds) or needed > self._frames(stated):
            faults.append(Fault(DURATION, describe_difference(stated, line.seconds)))
        return faults


def _repetitions(line, first):
    """List the fault of a line that repeats an earlier recording; remember the line if not."""
    names = {line.utterance.audio_filepath.resolve(): "recording", line.recording.content: "sound"}
    names.pop(b"", None)  # only the header was read
    for name, what in names.items():
        if name in first:
            return (Fault("repeated recording", f"the same {what} as in line {first[name]}"),)
    first.update(dict.fromkeys(names, line.number))
    return ()


def check_target(path, target):
    """Raise a UserError if `target` exists, is the manifest itself, or has no parent folder."""
    if target.exists() and path.exists() and target.samefile(path):
        raise UserError(f"{target} is the manifest itself; give the clean copy another name")
    if target.exists():
        raise UserError(f"{target} already exists; give the clean copy another name")
    if not target.parent.is_dir():
        raise UserError(f"{target.parent}: no such folder; create it or choose another one")


def write_clean(checked, target):
    """Write the usable lines, with the durations of their recordings.

    Transcripts are normalised by the alphabet; other keys of a line are kept. Nothing is written if
    no line is usable.

    Returns
    -------
    dict
        Numbers of the lines: "left_out" (by kind of fault), "durations_corrected",
        "transcripts_rewritten".
    """
    left_out, corrected, rewritten, utterances = {}, [], [], []
    for line in checked.lines:
        if not line.usable:
            for kind in dict.fromkeys(fault.kind for fault in line.faults):
                if kind != DURATION:
                    left_out.setdefault(kind, []).append(line.number)
            continue
        text = checked.alphabet.normalise(line.utterance.text)
        if line.faults:
            corrected.append(line.number)
        if text != line.utterance.text:
            rewritten.append(line.number)
        utterances.append(dataclasses.replace(line.utterance, duration=line.seconds, text=text))
    if utterances:
        write_manifest(target, utterances)
    return {
        "left_out": left_out,
        "durations_corrected": corrected,
        "transcripts_rewritten": rewritten,
    }


def find_alphabet(path, lower=False):
    """Return the characters of a manifest's transcripts, each once and sorted.

    Accents are composed, and all white space counts as a space; ``lower`` folds upper case.
    """
    found = set()
    for utterance in read_manifest(path):
        text = " ".join(unicodedata.normalize("NFC", utterance.text).split())
        found.update(text.lower() if lower else text)
    return "".join(sorted(found))
