"""From recordings and their text to alignments: what the network hears, the search, the words."""

import itertools
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ds2np.align.alignment import find_frames, make_alignment
from ds2np.align.outputs import Outputs, hear
from ds2np.align.script import encode_script, read_script
from ds2np.align.search import Loose, best_path
from ds2np.ctc import min_frames
from ds2np.errors import UserError

OUTSIDE = 50.0  # nats that a second outside of the text costs
LEAVE = 5.0, 60.0  # nats that it costs to leave the text, and to leave out some of it
LEFT_OUT = 3.0  # more for each letter that is left out, until it is known what letters cost
LETTERS = 30.0  # of them, for each nat that a letter costs
WITHIN = 10.0  # more within a sentence: what is left out, or put in, is mostly whole sentences
FOUND = 0.5  # of the words; if fewer are read, it is probably the text of something else


@dataclass(frozen=True)
class Aligned:
    """A text in its recordings.

    Attributes
    ----------
    pair : Pair
    script : Script
    alignments : tuple of Alignment
        Of each recording.
    parts : tuple of tuple of slice
        The words of the script, and the frames of `outputs`, that belong to each recording.
    outputs : Outputs
    heard : tuple of Heard
    warnings : tuple of str
    """

    pair: object
    script: object
    alignments: tuple
    parts: tuple
    outputs: Outputs
    heard: tuple
    warnings: tuple


def align(
    recogniser,
    pair,
    folder,
    verbatim=False,
    language=None,
    channel=None,
    show=lambda stage, done: None,
):
    """Align a text with its recordings.

    Parameters
    ----------
    recogniser : Recogniser
    pair : Pair
    folder : Path
        For the outputs of the network, with which an interrupted alignment goes on.
    verbatim : bool
        Whether the text is exactly what is said, so that the path never leaves it.
    language : str, optional
        Of numbers; see `ds2np.align.numbers`.
    channel : int, optional
        Of the recordings; the mean of all by default.
    show : callable
        Is called with "hearing" and the seconds that were heard, again and again, then with
        "searching" and the share of the recording that was searched.

    Returns
    -------
    Aligned

    Raises
    ------
    UserError
        If a file cannot be read, or the text cannot be that of the recordings.
    """
    config = recogniser.config
    alphabet, frame_seconds = config.alphabet(), config.frame_ms / 1000
    script = read_script(pair.text, alphabet, language)
    encoded = encode_script(script, alphabet)
    heard = []
    for name, recording in zip(pair.names, pair.recordings, strict=True):
        path = folder / f"{name}.outputs"
        heard.append(
            hear(recogniser, recording, path, channel, lambda seconds: show("hearing", seconds))
        )
    outputs = Outputs([each.outputs for each in heard], len(alphabet))
    _check_length(pair, script, min_frames(encoded.labels) * frame_seconds, heard)
    path, frames = _search(
        outputs,
        encoded,
        [script.words[i].sentence for i in encoded.words],
        frame_seconds,
        verbatim,
        lambda part, frames: show("searching", (part + frames / len(outputs)) / 2),
    )
    frames = _of_all_words(frames, encoded.words, len(script.words))
    parts = _divide(frames.starts, outputs.begins)
    alignments = [
        make_alignment(
            frames,
            script.words,
            script.sentences,
            part,
            {
                "recording": str(each.recording),
                "duration": each.seconds,
                "score": path.score,
                "exact": path.exact,
            },
            frame_seconds,
            np.fromfile(each.levels, np.float32),
        )
        for each, part in zip(heard, parts, strict=True)
    ]
    warnings = [sentence for each in heard for sentence in each.warnings]
    warnings += _doubt(pair, script, alignments)
    return Aligned(pair, script, tuple(alignments), parts, outputs, tuple(heard), tuple(warnings))


def _search(outputs, encoded, sentences, frame_seconds, verbatim, show):
    """Find the best path; return it, and its `Frames`.

    How much worse than the best symbols the right text is depends on the network. So the first
    search leaves the text only for good reasons, and shows what a letter costs. For as much, the
    second one leaves out a letter, and where it is little, it leaves the text sooner.
    """
    gates = np.append(encoded.begins, len(encoded.labels))
    between = np.append(np.diff(sentences, prepend=-1) > 0, True)  # sentences
    gate_costs = np.where(between, 0.0, WITHIN)
    places = encoded.labels, encoded.begins, encoded.ends
    frame = OUTSIDE * frame_seconds
    loose = None if verbatim else Loose(LEAVE[1], frame, LEAVE[1], LEFT_OUT)
    path = best_path(outputs, encoded.labels, gates, loose, gate_costs, show=partial(show, 0))
    frames = find_frames(path.states, outputs, *places)
    if verbatim:
        return path, frames
    letter = _measure_letters(frames, encoded)
    leave = min(LEAVE[0] + LETTERS * letter, LEAVE[1])
    # What costs more is probably the text of something else, which may be left out freely.
    loose = Loose(leave, frame, leave, letter if letter < LEFT_OUT else Loose.label)
    path = best_path(outputs, encoded.labels, gates, loose, gate_costs, show=partial(show, 1))
    return path, find_frames(path.states, outputs, *places)


def _measure_letters(frames, encoded):
    """Return what a letter of the words that were read costs, in nats; the mean of the words."""
    read = np.flatnonzero(frames.starts >= 0)
    if not len(read):
        return np.inf
    costs = frames.costs[frames.ends[read]] - frames.costs[frames.starts[read]]
    return float(np.mean(costs / (encoded.ends - encoded.begins)[read]))


def _check_length(pair, script, needed, heard):
    seconds = sum(each.seconds for each in heard)
    if needed > seconds:
        several = f"its {len(pair.recordings)} recordings last"
        lasts = f"{pair.recordings[0]} lasts" if len(pair.recordings) == 1 else several
        raise UserError(
            f"{pair.text} has {len(script.words):,} words, which take {needed:.0f} s at least, but "
            f"{lasts} {seconds:.0f} s; is it the right text?"
        )


def _of_all_words(frames, places, count):
    """Return the frames of all words, of which only some, at `places`, have labels."""
    starts, ends = np.full((2, count), -1)
    confidences = np.zeros(count)
    starts[places], ends[places] = frames.starts, frames.ends
    confidences[places] = frames.confidences
    return replace(frames, starts=starts, ends=ends, confidences=confidences)


def _divide(starts, begins):
    """Return the slices of words and of frames of each recording.

    Words that were not read belong to the recording of the word before them.
    """
    read = np.flatnonzero(starts >= 0)
    firsts = np.append(read, len(starts))[np.searchsorted(starts[read], begins[1:-1])]
    words, frames = [0, *firsts.tolist(), len(starts)], begins.tolist()
    return tuple(
        (slice(*of_words), slice(*of_frames))
        for of_words, of_frames in zip(
            itertools.pairwise(words), itertools.pairwise(frames), strict=True
        )
    )


def _doubt(pair, script, alignments):
    """Return sentences about an alignment that is probably not what was meant."""
    words = [word for alignment in alignments for word in alignment.words if word.spoken]
    read = sum(word.read for word in words)
    if read < FOUND * len(words):
        yield (
            f"{pair.text}: only {read:,} of {len(words):,} words were found in "
            f"{pair.recordings[0]}{' and so on' * (len(pair.recordings) > 1)}; is it the text of "
            "this recording, in the language of the network?"
        )
    if lost := len(script.words) - len(words):
        first = next(word for word in script.words if not word.spoken)
        yield (
            f"{pair.text}: {lost:,} of {len(script.words):,} words cannot be written with the "
            f"alphabet of the network, the first {first.text!r} in line {first.line}"
        )
