"""A corpus from recordings and their texts: aligned, cut and judged; what is left out is listed."""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ds2np.align.aligner import align
from ds2np.align.cutting import LENGTHS, PAUSE, Cut, cut
from ds2np.align.formats import write_alignment
from ds2np.align.judge import collect_evidence, hear_sounds, hear_utterances
from ds2np.align.page import write_page
from ds2np.align.script import format_changes
from ds2np.data.manifest import Utterance, write_manifest
from ds2np.files import replacing

MANIFEST, LEFT_OUT, CHANGES = "utterances.jsonl", "left_out.tsv", "{}.changes.tsv"
WORK = "work"  # the folder of what an interrupted alignment goes on with
WRONG = "probably wrong"
COLUMNS = "recording", "start", "end", "reason", "probability", "line", "text"


@dataclass(frozen=True)
class Options:
    """How a corpus is made.

    Attributes
    ----------
    lengths : tuple of two float
        Shortest and longest utterance, in seconds.
    pause : float
        Shortest pause in which a cut is allowed, in seconds.
    verbatim : bool
        Whether the text is exactly what is said, so that the path never leaves it.
    language : str, optional
        Of numbers.
    channel : int, optional
        Of the recordings.
    """

    lengths: tuple = LENGTHS
    pause: float = PAUSE
    verbatim: bool = False
    language: str | None = None
    channel: int | None = None


@dataclass(frozen=True)
class Item:
    """An utterance that was cut out, or what was left out.

    Attributes
    ----------
    recording : Path
    cut : Cut
    text, written : str
        As the alphabet writes it, and as it stands in the text.
    line : int
        Of the first word; 0 without words.
    confidence : float
        Mean of the words.
    wrong : float or None
        Probability that the text is not what is said; None if it was not judged.
    """

    recording: Path
    cut: Cut
    text: str = ""
    written: str = ""
    line: int = 0
    confidence: float = 0.0
    wrong: float | None = None

    @property
    def seconds(self):
        """Length in the recording; 0 for words that were not read."""
        return 0.0 if self.cut.start is None else self.cut.end - self.cut.start


@dataclass(frozen=True)
class Part:
    """What came of one text and its recordings.

    Attributes
    ----------
    alignments : tuple of Alignment
    items : tuple of Item
        Utterances, and what is left out.
    evidence : Evidence
        Of the utterances, in their order, and of some that were spoiled on purpose.
    warnings : tuple of str
    sample_rate : int
        Of the network, in hertz.
    """

    alignments: tuple
    items: tuple
    evidence: object
    warnings: tuple
    sample_rate: int


def process_pair(recogniser, pair, folder, options, show=lambda stage, done: None):
    """Align the recordings of a text and cut them; write the alignments; return a `Part`.

    For the arguments see `ds2np.align.aligner.align`; the folder gets the results.
    """
    given = options.verbatim, options.language, options.channel
    aligned = align(recogniser, pair, folder / WORK, *given, show)
    config = recogniser.config
    alphabet, frame_seconds = config.alphabet(), config.frame_ms / 1000
    cuts = []
    for name, alignment in zip(pair.names, aligned.alignments, strict=True):
        write_alignment(folder, name, alignment)
        write_page(folder / f"{name}.html", alignment, alignment.recording)
        cuts.append(cut(alignment, options.lengths, options.pause))
    with replacing(folder / CHANGES.format(pair.text.stem)) as file:
        file.write(format_changes(aligned.script))
    rng = np.random.default_rng(0)
    utterances = hear_utterances(aligned, cuts, alphabet, frame_seconds)
    sounds = hear_sounds(recogniser, rng)
    evidence = collect_evidence(utterances, sounds, alphabet, frame_seconds, rng)
    items = (
        _make_item(recording, alignment.words, each, alphabet)
        for recording, alignment, of_recording in zip(
            pair.recordings, aligned.alignments, cuts, strict=True
        )
        for each in of_recording
    )
    return Part(aligned.alignments, tuple(items), evidence, aligned.warnings, config.sample_rate)


def _make_item(recording, words, each, alphabet):
    words = words[each.first : each.last]
    if not words:
        return Item(recording, each)
    return Item(
        recording,
        each,
        text=alphabet.join(word.spoken for word in words),
        written=alphabet.join(word.text for word in words),
        line=words[0].line,
        confidence=round(sum(word.confidence for word in words) / len(words), 4),
    )


def leave_out(items, wrong, threshold):
    """Return all items; utterances that are more probably wrong than a threshold are left out.

    Parameters
    ----------
    items : sequence of Item
    wrong : sequence of float or None
        Probability of each utterance among them, in their order.
    threshold : float
    """
    probabilities, judged = iter(wrong), []
    for item in items:
        if not item.cut.reason:
            item = replace(item, wrong=next(probabilities))
            if item.wrong is not None and item.wrong > threshold:
                item = replace(item, cut=replace(item.cut, reason=WRONG))
        judged.append(item)
    return judged


def write_corpus(folder, items, channel=None, cutter=None):
    """Write the manifest of the utterances, and the table of what is left out, with reasons.

    Parameters
    ----------
    folder : Path
    items : sequence of Item
    channel : int, optional
    cutter : callable, optional
        Takes an item and its number, and returns the path of a recording of its own; by default an
        utterance is a segment of the whole recording.
    """
    utterances = []
    for item in items:
        if item.cut.reason:
            continue
        path = cutter(item, len(utterances)) if cutter else item.recording
        utterances.append(
            Utterance(
                path,
                round(item.seconds, 4),
                item.text,
                extra={
                    "confidence": item.confidence,
                    "wrong": item.wrong,
                    "line": item.line,
                    "written": item.written,
                },
                offset=None if cutter else round(item.cut.start, 4),
                channel=None if cutter else channel,
            )
        )
    write_manifest(folder / MANIFEST, utterances)
    with replacing(folder / LEFT_OUT) as file:
        table = csv.writer(file, "excel-tab", lineterminator="\n")
        table.writerow(COLUMNS)
        for item in items:
            if each := item.cut if item.cut.reason else None:
                times = ["" if t is None else f"{t:.3f}" for t in (each.start, each.end)]
                wrong = "" if item.wrong is None else f"{item.wrong:.3f}"
                row = item.recording, *times, each.reason, wrong, item.line or "", item.written
                table.writerow(row)
