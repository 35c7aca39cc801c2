"""Go through a manifest line by line, and say all that is wrong with it."""

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
    durations_differ,
    listen,
    read_header,
)
from ds2np.errors import UserError
from ds2np.text import Alphabet

DURATION = "wrong duration"  # the one fault that a clean copy corrects


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a line.

    Attributes
    ----------
    kind : str
        In two or three words, for counting.
    message : str
    """

    kind: str
    message: str


@dataclass(frozen=True)
class Line:
    """One line of a manifest.

    Attributes
    ----------
    number : int
        From 1.
    utterance : Utterance or None
        None if the line cannot be read.
    recording : Recording or None
        None if the recording cannot be read.
    faults : tuple of Fault
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
        """How long the recording is; what the line states if it cannot be read."""
        return self.recording.seconds if self.recording else self.utterance.duration


@dataclass(frozen=True)
class ManifestCheck:
    """A manifest, looked through.

    Attributes
    ----------
    path : Path
    alphabet : Alphabet
        That the transcripts were held against.
    lines : list of Line
        In the order of the file.
    """

    path: Path
    alphabet: Alphabet
    lines: list

    @property
    def faulty(self):
        """The lines that something is wrong with."""
        return [line for line in self.lines if line.faults]


def check_manifest(path, config, longest=math.inf, listening=False):
    """Examine each line of a manifest, its transcript and its recording.

    Parameters
    ----------
    path : str or Path
    config : DeepSpeech2Config
        The network that is to learn from it: its alphabet, and the frames that it makes of a sound.
    longest : float
        In seconds; longer recordings are a fault.
    listening : bool
        Decode the recordings, too, instead of reading their headers only.

    Returns
    -------
    ManifestCheck

    Raises
    ------
    UserError
        If there is no manifest at path.
    """
    path = Path(path)
    transcripts = _Transcripts(config)
    lines, first = [], {}  # first: line that has a recording or a content
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
                Fault("long recording", f"{line.seconds:g} s of sound, {longest:g} s are allowed")
            )
        line = dataclasses.replace(line, faults=tuple(faults))
        if line.usable:  # a line that is left out does not make the next one a repetition
            line = dataclasses.replace(line, faults=line.faults + _repetitions(line, first))
        lines.append(line)
    return ManifestCheck(path, transcripts.alphabet, lines)


def _examine(path, listening):
    """Read what is known of a recording, and what is wrong with it."""
    recording = None
    try:
        recording = read_header(path)
        if listening:
            recording = listen(path, recording)
    except BadRecording as error:
        return recording, [Fault(error.kind, str(error))]
    return recording, []


class _Transcripts:
    """Check transcripts against an alphabet and against the frames of their recordings."""

    def __init__(self, config):
        self.alphabet = config.alphabet()
        self._config = config

    def _frames(self, seconds):
        return int(self._config.out_lengths(self._config.count_frames(seconds)))

    def check(self, line):
        """List what is wrong with the transcript of a line, and with the duration that it states.

        Parameters
        ----------
        line : Line

        Returns
        -------
        list of Fault
        """
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
            misfit = describe_misfit(needed, available, f"{line.seconds:g} s of sound")
            faults.append(Fault("long transcript", misfit))
        # Training goes by the duration that is stated, until it reads the recording.
        elif durations_differ(stated, line.seconds) or needed > self._frames(stated):
            sound = f"the recording lasts {line.seconds:g} s"
            faults.append(Fault(DURATION, f'"duration" is {stated:g}, {sound}'))
        return faults


def _repetitions(line, first):
    """Say whether a line has the recording of one before it, and remember its own."""
    names = {line.utterance.audio_filepath.resolve(): "recording", line.recording.content: "sound"}
    names.pop(b"", None)  # nothing was decoded
    for name, what in names.items():
        if name in first:
            return (Fault("repeated recording", f"the same {what} as in line {first[name]}"),)
    first.update(dict.fromkeys(names, line.number))
    return ()


def check_target(path, target):
    """Refuse to write a clean copy over anything.

    Parameters
    ----------
    path : Path
        Of the manifest.
    target : Path
        Of its copy.

    Raises
    ------
    UserError
        If something is there, or there is no folder to write it to.
    """
    if target.exists() and path.exists() and target.samefile(path):
        raise UserError(f"{target} is the manifest itself; give the clean copy another name")
    if target.exists():
        raise UserError(f"{target} is already there; give the clean copy another name")
    if not target.parent.is_dir():
        raise UserError(f"{target.parent}: no such folder; make it, or give another one")


def write_clean(checked, target):
    """Write the lines that can be used, with the durations of their recordings.

    Transcripts are written as the alphabet has them; what else a line says is kept.

    Parameters
    ----------
    checked : ManifestCheck
    target : Path
        Not written if no line can be used.

    Returns
    -------
    dict
        What was done to which lines, by number: "left_out" (for each kind of fault),
        "durations_corrected", "transcripts_rewritten".
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
    """Collect the characters of a manifest's transcripts.

    Parameters
    ----------
    path : str or Path
    lower : bool
        Fold upper case.

    Returns
    -------
    str
        Each character once, sorted, accents composed, a space for all white space.
    """
    found = set()
    for utterance in read_manifest(path):
        text = " ".join(unicodedata.normalize("NFC", utterance.text).split())
        found.update(text.lower() if lower else text)
    return "".join(sorted(found))
