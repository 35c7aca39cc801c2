"""Checked manifests: the faults of each line, and a clean copy without them."""

import dataclasses
import functools
import math
from dataclasses import dataclass

from tqdm import tqdm

from ds2np.ctc import describe_misfit, min_frames
from ds2np.data.manifest import (
    Utterance,
    count_lines,
    identify,
    list_manifests,
    scan_manifest,
    write_manifest,
)
from ds2np.data.recordings import (
    BadRecording,
    Recording,
    describe_difference,
    durations_differ,
    listen,
    read_header,
    take_part,
)
from ds2np.errors import UserError

DURATION, SPACES = "wrong duration", "spaces beside Chinese characters"
CORRECTED = DURATION, SPACES  # faults that a clean copy corrects


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a line: its kind in two or three words, for counting, and a message."""

    kind: str
    message: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a manifest with its faults; ``number`` counts from 1.

    ``utterance`` is None if the line cannot be parsed, ``recording`` if the audio cannot be read.
    """

    manifest: str
    number: int
    utterance: Utterance | None
    recording: Recording | None
    faults: tuple

    @property
    def usable(self):
        """Whether a clean copy keeps the line."""
        return all(fault.kind in CORRECTED for fault in self.faults)

    @property
    def seconds(self):
        """The length of the recording, or the stated duration if it cannot be read."""
        return self.recording.seconds if self.recording else self.utterance.duration


@dataclass(frozen=True)
class ManifestCheck:
    """Checked manifests: their paths, the configuration of the check, all lines in file order."""

    paths: list
    config: object
    lines: list

    @functools.cached_property
    def alphabet(self):
        """The `Alphabet` of the check."""
        return self.config.alphabet()

    @property
    def faulty(self):
        """The lines that have faults."""
        return [line for line in self.lines if line.faults]

    def place(self, line):
        """Return the number of a line; of several manifests, the path and the number."""
        return line.number if len(self.paths) == 1 else f"{line.manifest}:{line.number}"


def check_manifest(paths, config, longest=math.inf, listening=False):
    """Check each line of a manifest, or of several, its transcript and its recording.

    Parameters
    ----------
    paths : str, Path or list of them
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
        If a file is missing, is not UTF-8 text, or has no utterance, or is given twice.
    """
    paths = list_manifests(paths)
    check = _Check(config, longest, listening)
    lines = []
    for path in paths:
        total = count_lines(path)
        for number, item in tqdm(
            scan_manifest(path), total=total, unit=" lines", delay=1, leave=False
        ):
            if isinstance(item, UserError):
                message = str(item).removeprefix(f"{path}:{number}: ")
                faults = (Fault("unreadable line", message),)
                lines.append(Line(str(path), number, None, None, faults))
                continue
            recording, faults = check.examine(item)
            lines.append(Line(str(path), number, item, recording, tuple(faults)))
    return ManifestCheck(paths, config, lines)


class _Check:
    """Checks of utterances, one after the other."""

    def __init__(self, config, longest, listening):
        self.alphabet = config.alphabet()
        self._config, self._longest, self._listening = config, longest, listening
        self._first = {}  # a recording or its content -> the first line that has it
        self._out_length = functools.cache(config.out_lengths)  # of few numbers of frames
        self._header = functools.lru_cache(1000)(read_header)  # segments share recordings

    def examine(self, utterance):
        """Return the recording of an utterance, None if unreadable, and a list of faults."""
        recording, faults = None, []
        try:
            recording = self._read(utterance)
        except BadRecording as error:
            faults.append(Fault(error.kind, str(error)))
        seconds = recording.seconds if recording else utterance.duration
        faults += self._check_transcript(utterance, seconds)
        if seconds > self._longest:
            message = f"lasts {seconds:g} s; expected at most {self._longest:g} s"
            faults.append(Fault("long recording", message))
        if all(fault.kind in CORRECTED for fault in faults):
            # An unusable line does not make a later one a repetition.
            faults += self._check_repetition(utterance, recording)
        return recording, faults

    def _read(self, utterance):
        path = utterance.audio_filepath
        whole = read_header(path) if utterance.offset is None else self._header(path)
        recording = take_part(whole, utterance)
        return listen(path, recording, **utterance.part) if self._listening else recording

    def _frames(self, seconds):
        return int(self._out_length(self._config.count_frames(seconds)))

    def _check_transcript(self, utterance, seconds):
        """List the faults of a transcript and of the stated duration."""
        text, stated = utterance.text, utterance.duration
        faults, needed, available = [], 0, self._frames(seconds)
        if self.alphabet.unknown(text):
            message = f"{self.alphabet.describe_unknown(text)} not in {self.alphabet}"
            text = take_out_spaces(text, self.alphabet)
            kind = SPACES
            if self.alphabet.unknown(text):
                kind, text = "unknown characters", ""
            faults.append(Fault(kind, message))
        elif not text.strip():
            faults.append(Fault("empty transcript", "the transcript is empty"))
        if stated != seconds or available < 2 * len(self.alphabet.normalise(text)):
            # Else it fits: a symbol needs a frame, and at most a blank before it.
            needed = min_frames(self.alphabet.encode(text))
        if needed > available:
            misfit = describe_misfit(needed, available, f"{seconds:g} s of audio")
            faults.append(Fault("long transcript", misfit))
        # Training plans with the stated duration, before it reads the recording.
        elif durations_differ(stated, seconds) or (
            stated != seconds and needed > self._frames(stated)
        ):
            faults.append(Fault(DURATION, describe_difference(stated, seconds)))
        return faults

    def _check_repetition(self, utterance, recording):
        """List the fault of an utterance that repeats an earlier one; remember it if not."""
        place = utterance.where
        names = {identify(utterance): "recording"}
        if recording.content:
            names[recording.content] = "sound"
        for name, what in names.items():
            if name in self._first:
                first = self._first[name]
                manifest, _, number = first.rpartition(":")
                where = f"line {number}" if place.rpartition(":")[0] == manifest else first
                return [Fault("repeated recording", f"the same {what} as in {where}")]
        self._first.update(dict.fromkeys(names, place))
        return []


def take_out_spaces(text, alphabet):
    """Normalise a transcript, and take out spaces beside Chinese characters."""
    return alphabet.join(alphabet.split(alphabet.normalise(text)))


def check_target(paths, target):
    """Raise a UserError if `target` exists, is one of the manifests, or has no parent folder."""
    sources = [path for path in list_manifests(paths) if path.exists()]
    if target.exists() and any(map(target.samefile, sources)):
        raise UserError(f"{target} is the manifest itself; give the clean copy another name")
    if target.exists():
        raise UserError(f"{target} already exists; give the clean copy another name")
    if not target.parent.is_dir():
        raise UserError(f"{target.parent}: no such folder; create it or choose another one")


def write_clean(checked, target):
    """Write the usable lines, with the durations of their recordings.

    Transcripts are normalised by the alphabet, and spaces beside Chinese characters taken out;
    other keys of a line are kept. Nothing is written if no line is usable.

    Returns
    -------
    dict
        Numbers of the lines: "left_out" (by kind of fault), "durations_corrected",
        "spaces_taken_out", "transcripts_rewritten".
    """
    left_out, corrected, joined, rewritten = {}, [], [], []
    for line in checked.lines:
        if not line.usable:
            for kind in dict.fromkeys(fault.kind for fault in line.faults):
                if kind not in CORRECTED:
                    left_out.setdefault(kind, []).append(checked.place(line))
            continue
        before, place = line.utterance.text, checked.place(line)
        text = checked.alphabet.normalise(before)
        if any(fault.kind == DURATION for fault in line.faults):
            corrected.append(place)
        if take_out_spaces(before, checked.alphabet) != text:
            joined.append(place)
        elif text != before:
            rewritten.append(place)
    usable = [line for line in checked.lines if line.usable]
    if usable:
        write_manifest(target, (_correct(line, checked.alphabet) for line in usable))
    return {
        "left_out": left_out,
        "durations_corrected": corrected,
        "spaces_taken_out": joined,
        "transcripts_rewritten": rewritten,
    }


def _correct(line, alphabet):
    text = take_out_spaces(line.utterance.text, alphabet)
    return dataclasses.replace(line.utterance, duration=line.seconds, text=text)
